# check_PROGRAMS and TESTS of program/chat
