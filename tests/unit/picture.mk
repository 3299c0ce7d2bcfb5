# unit/picture: formats made in the test itself, and real files from ../shared
check_PROGRAMS += picture_samples
TESTS += picture_samples
picture_samples_SOURCES = tests/unit/picture_samples.c
picture_samples_CPPFLAGS = $(TEST_CPPFLAGS) $(JANSSON_CFLAGS)
picture_samples_LDADD = libpicture.a libbase.a $(JPEG_LIBS) $(WEBP_LIBS) $(MD_LIBS) $(UTF8PROC_LIBS) $(JANSSON_LIBS) \
	$(CMOCKA_LIBS) -lm
