# check_PROGRAMS and TESTS of unit/base
check_PROGRAMS += base_text base_rest
TESTS += base_text base_rest
base_text_SOURCES = tests/unit/base_text.c
base_text_CPPFLAGS = $(TEST_CPPFLAGS)
base_text_LDADD = libbase.a $(UTF8PROC_LIBS) $(CMOCKA_LIBS)
base_rest_SOURCES = tests/unit/base_rest.c
base_rest_CPPFLAGS = $(TEST_CPPFLAGS)
base_rest_LDADD = libbase.a $(UTF8PROC_LIBS) $(CMOCKA_LIBS)
