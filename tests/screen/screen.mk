# check_PROGRAMS and TESTS of screen/screen
