# unit/store: session files, their writers, what lies around them
STORE_TESTS = store_session store_writer store_around
STORE_TEST_LIBS = libstore.a libchat.a libpicture.a libbase.a $(JANSSON_LIBS) $(UTF8PROC_LIBS) $(NETTLE_LIBS) $(JPEG_LIBS) \
	$(WEBP_LIBS) $(CMOCKA_LIBS) -lm
check_PROGRAMS += $(STORE_TESTS)
TESTS += $(STORE_TESTS)
store_session_SOURCES = tests/unit/store_session.c tests/unit/store_util.h
store_session_CPPFLAGS = $(TEST_CPPFLAGS)
store_session_LDADD = $(STORE_TEST_LIBS)
store_writer_SOURCES = tests/unit/store_writer.c tests/unit/store_util.h
store_writer_CPPFLAGS = $(TEST_CPPFLAGS)
store_writer_LDADD = $(STORE_TEST_LIBS)
store_around_SOURCES = tests/unit/store_around.c tests/unit/store_util.h
store_around_CPPFLAGS = $(TEST_CPPFLAGS)
store_around_LDADD = $(STORE_TEST_LIBS)
