# picture: bytes of a picture file to RGB, a file a format; the only user of the image libraries.
noinst_LIBRARIES += libpicture.a
libpicture_a_CPPFLAGS = $(AM_CPPFLAGS) $(STB_CFLAGS) $(JPEG_CFLAGS) $(WEBP_CFLAGS) $(MD_CFLAGS)
libpicture_a_SOURCES = src/picture/picture.h src/picture/decode.c src/picture/decoders.h src/picture/exif.c \
	src/picture/exif.h src/picture/jpeg.c src/picture/jpegcut.c src/picture/jpegcut.h src/picture/png.c src/picture/gif.c src/picture/bmp.c src/picture/pnm.c \
	src/picture/webp.c src/picture/stb.c
