# app: the chat screen's conductor, main thread only. It ties conversation, engine thread, store and screen.
noinst_LIBRARIES += libapp.a
libapp_a_SOURCES = \
	src/app/app.h src/app/internal.h src/app/app.c src/app/actions.c src/app/actions.h src/app/slash.c src/app/slash.h \
	src/app/commands.c src/app/commands.h src/app/settings.c src/app/settings.h src/app/complete.c src/app/complete.h \
	src/app/words.c src/app/words.h src/app/staged.c src/app/staged.h src/app/gallery.c src/app/gallery.h \
	src/app/talk.c src/app/talk.h src/app/keep.c src/app/keep.h src/app/load.c src/app/load.h src/app/snapshot.c src/app/snapshot.h \
	src/app/sessions.c src/app/sessions.h src/app/present.c src/app/present.h src/app/meter.c src/app/meter.h \
	src/app/trap.c src/app/trap.h src/app/plain.c src/app/plain.h \
	src/app/again.c src/app/again.h src/app/ahead.c src/app/ahead.h src/app/branches.c src/app/branches.h src/app/edit.c src/app/edit.h src/app/follow.c src/app/follow.h src/app/editor.c src/app/editor.h src/app/rescue.c src/app/rescue.h src/app/keymap.c src/app/look.c \
	src/app/room.c src/app/room.h src/app/shelf.c src/app/shelf.h src/app/turns.c src/app/verdict.c src/app/verify.c src/app/verify.h src/app/playback.c src/app/playback.h src/app/replay.c \
	src/app/pasted.c src/app/pasted.h src/app/clipboard.c src/app/clipboard.h src/app/browse.c src/app/browse.h \
	src/app/show.c src/app/show.h src/app/boxed.c src/app/boxed.h src/app/copy.c src/app/copy.h
