# base: bytes, text, errors, files, clocks; includes nothing of ours.
noinst_LIBRARIES += libbase.a
libbase_a_CPPFLAGS = $(AM_CPPFLAGS) $(UTF8PROC_CFLAGS)
libbase_a_SOURCES = \
	src/base/alloc.c src/base/alloc.h src/base/base64.c src/base/base64.h src/base/buf.c src/base/buf.h \
	src/base/clock.c src/base/clock.h src/base/error.c src/base/error.h src/base/file.c src/base/file.h src/base/log.c src/base/log.h \
	src/base/paths.c src/base/paths.h src/base/team.c src/base/team.h src/base/text.c src/base/text.h src/base/thread.c src/base/thread.h
