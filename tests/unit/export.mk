# export: search, tags and store checks by the built program, which also makes what is exported and imported
TESTS += tests/program/cli_search.py tests/program/cli_transfer.py
EXTRA_DIST += tests/program/cli_search.py tests/program/cli_transfer.py tests/program/sessions.py tests/program/bench_search.py

check_PROGRAMS += export_formats
TESTS += export_formats
export_formats_SOURCES = tests/unit/export_formats.c tests/unit/store_util.h
export_formats_CPPFLAGS = $(TEST_CPPFLAGS)
export_formats_LDADD = libexport.a $(STORE_TEST_LIBS)
