noinst_LIBRARIES += libcmd.a
libcmd_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
libcmd_a_SOURCES = src/cmd/cmd.h
