# hostile: not part of `make check`; see the file
EXTRA_PROGRAMS += fuzz
fuzz_SOURCES = tests/hostile/fuzz.c
fuzz_CPPFLAGS = $(TEST_CPPFLAGS)
fuzz_LDADD = libexport.a $(STORE_TEST_LIBS) libconf.a libbase.a $(UTF8PROC_LIBS)
