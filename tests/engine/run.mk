# check_PROGRAMS and TESTS of engine/run
