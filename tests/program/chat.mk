# program/chat: the whole chat in a terminal model (term-shot), and the pure parts of its conductor
TESTS += tests/program/chat_pty.py tests/program/chat_talk.sh tests/program/chat_stop.sh tests/program/chat_input.sh tests/program/chat_sizes.sh \
	tests/program/chat_sessions.sh tests/program/chat_ends.sh tests/program/chat_trouble.sh tests/program/chat_pictures.sh \
	tests/program/chat_again.sh tests/program/chat_context.sh tests/program/chat_shelf.sh tests/program/chat_replay.sh tests/program/chat_load.sh tests/program/chat_ahead.sh tests/program/chat_snapshot.sh tests/program/chat_tmux.py
EXTRA_DIST += tests/program/chat_pty.py tests/program/chat-lib.sh tests/program/chat_talk.sh tests/program/chat_stop.sh tests/program/chat_input.sh \
	tests/program/chat_sizes.sh tests/program/chat_sessions.sh tests/program/chat_ends.sh tests/program/chat_trouble.sh tests/program/chat_pictures.sh \
	tests/program/chat_again.sh tests/program/chat_context.sh tests/program/chat_shelf.sh tests/program/chat_replay.sh tests/program/chat_load.sh tests/program/chat_ahead.sh tests/program/chat_snapshot.sh tests/program/chat_tmux.py tests/program/soak.py

check_PROGRAMS += app_words app_slash
TESTS += app_words app_slash
app_words_SOURCES = tests/unit/app_words.c
app_words_CPPFLAGS = $(TEST_CPPFLAGS)
app_words_LDADD = libapp.a libbase.a $(CMOCKA_LIBS)
app_slash_SOURCES = tests/unit/app_slash.c
app_slash_CPPFLAGS = $(TEST_CPPFLAGS)
app_slash_LDADD = libapp.a liblink.a libexport.a libstore.a libchat.a $(ENGINE_LIBS) libpicture.a libui.a \
	libconf.a libbase.a \
	$(NCURSES_LIBS) $(READLINE_LIBS) $(SIXEL_LIBS) $(JANSSON_LIBS) $(UTF8PROC_LIBS) $(NETTLE_LIBS) $(BLAS_LIBS) \
	$(JPEG_LIBS) $(WEBP_LIBS) $(CMOCKA_LIBS) $(CUDA_LIBS) -lm

check_PROGRAMS += app_pasted
TESTS += app_pasted
app_pasted_SOURCES = tests/unit/app_pasted.c
app_pasted_CPPFLAGS = $(TEST_CPPFLAGS)
app_pasted_LDADD = $(app_slash_LDADD)
