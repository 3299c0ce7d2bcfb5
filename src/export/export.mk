# export: conversations to other formats, and back.
noinst_LIBRARIES += libexport.a
libexport_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
libexport_a_SOURCES = src/export/export.h src/export/export.c src/export/internal.h src/export/markdown.c \
	src/export/html.c src/export/json.c src/export/text.c src/export/cast.c src/export/import.c \
	src/export/import_own.c src/export/import_list.c src/export/import.h
