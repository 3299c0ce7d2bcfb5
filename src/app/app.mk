# app: the chat screen's conductor, main thread only. It ties conversation, engine thread, store and screen.
noinst_LIBRARIES += libapp.a
libapp_a_SOURCES = \
	src/app/app.h src/app/internal.h src/app/app.c src/app/actions.c src/app/slash.c src/app/commands.c src/app/commands.h \
	src/app/settings.c src/app/words.c src/app/words.h src/app/complete.c src/app/present.c src/app/gallery.c \
	src/app/staged.c src/app/talk.c src/app/keep.c src/app/load.c src/app/meter.c src/app/sessions.c src/app/trap.c
