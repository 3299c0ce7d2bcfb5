noinst_LIBRARIES += libpicture.a
libpicture_a_CPPFLAGS = $(AM_CPPFLAGS) $(STB_CFLAGS) $(JPEG_CFLAGS) $(WEBP_CFLAGS) $(MD_CFLAGS)
libpicture_a_SOURCES = src/picture/picture.h src/picture/decode.c src/picture/exif.c src/picture/exif.h
