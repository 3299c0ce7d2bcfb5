# unit/store: session files, their writers, what lies around them
STORE_TESTS = store_session
STORE_TEST_LIBS = libstore.a libchat.a libengine.a libcpu.a libpicture.a libbase.a $(JANSSON_LIBS) $(UTF8PROC_LIBS) \
	$(MD_LIBS) $(JPEG_LIBS) $(WEBP_LIBS) $(BLAS_LIBS) $(CMOCKA_LIBS) -lm
check_PROGRAMS += $(STORE_TESTS)
TESTS += $(STORE_TESTS)
store_session_SOURCES = tests/unit/store_session.c tests/unit/store_util.h
store_session_CPPFLAGS = $(TEST_CPPFLAGS)
store_session_LDADD = $(STORE_TEST_LIBS)
