# check_PROGRAMS and TESTS of unit/ui
