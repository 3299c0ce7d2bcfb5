# replay and batch: their pure parts
check_PROGRAMS += app_playback cmd_batch
TESTS += app_playback cmd_batch
app_playback_SOURCES = tests/unit/app_playback.c
app_playback_CPPFLAGS = $(TEST_CPPFLAGS)
app_playback_LDADD = $(app_slash_LDADD)
cmd_batch_SOURCES = tests/unit/cmd_batch.c
cmd_batch_CPPFLAGS = $(TEST_CPPFLAGS) $(JANSSON_CFLAGS)
cmd_batch_LDADD = libcmd.a libbase.a $(JANSSON_LIBS) $(UTF8PROC_LIBS) $(CMOCKA_LIBS)
