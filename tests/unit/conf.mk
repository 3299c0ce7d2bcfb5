# unit/conf: settings alone
check_PROGRAMS += conf
TESTS += conf
conf_SOURCES = tests/unit/conf.c
conf_CPPFLAGS = $(TEST_CPPFLAGS)
conf_LDADD = libconf.a libbase.a $(UTF8PROC_LIBS) $(CMOCKA_LIBS)
