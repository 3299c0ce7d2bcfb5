# unit/picture: formats made in the test itself, and real files from ../shared
PICTURE_TEST_LIBS = libpicture.a libbase.a $(JPEG_LIBS) $(WEBP_LIBS) $(NETTLE_LIBS) $(UTF8PROC_LIBS) $(JANSSON_LIBS) \
	$(CMOCKA_LIBS) -lm
check_PROGRAMS += picture_decode picture_samples picture_pieces
TESTS += picture_decode picture_samples picture_pieces
picture_decode_SOURCES = tests/unit/picture_decode.c
picture_decode_CPPFLAGS = $(TEST_CPPFLAGS) $(JPEG_CFLAGS)
picture_decode_LDADD = $(PICTURE_TEST_LIBS)
picture_samples_SOURCES = tests/unit/picture_samples.c
picture_samples_CPPFLAGS = $(TEST_CPPFLAGS) $(JANSSON_CFLAGS)
picture_samples_LDADD = $(PICTURE_TEST_LIBS)
picture_pieces_SOURCES = tests/unit/picture_pieces.c
picture_pieces_CPPFLAGS = $(TEST_CPPFLAGS) $(JPEG_CFLAGS)
picture_pieces_LDADD = $(PICTURE_TEST_LIBS)
