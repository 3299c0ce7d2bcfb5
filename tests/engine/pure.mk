# check_PROGRAMS and TESTS of engine/pure
