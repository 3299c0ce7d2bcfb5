# store: conversations on disk.
noinst_LIBRARIES += libstore.a
libstore_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
libstore_a_SOURCES = src/store/store.h src/store/store.c src/store/session.c src/store/whole.c src/store/record.c src/store/record.h \
	src/store/lock.c src/store/lock.h src/store/pictures.c src/store/history.c src/store/list.c src/store/trash.c \
	src/store/internal.h src/store/search.c src/store/match.c src/store/match.h src/store/check.c src/store/collect.c src/store/follow.c
