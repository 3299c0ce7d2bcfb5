# check_PROGRAMS and TESTS of unit/ui

# the terminal half
check_PROGRAMS += ui_term ui_picture ui_sixel ui_blocks
TESTS += ui_term ui_picture ui_sixel ui_blocks
ui_screen_libs = libui.a libbase.a $(NCURSES_LIBS) $(READLINE_LIBS) $(SIXEL_LIBS) $(UTF8PROC_LIBS) $(CMOCKA_LIBS) -lm
ui_term_SOURCES = tests/unit/ui_term.c
ui_term_CPPFLAGS = $(TEST_CPPFLAGS)
ui_term_LDADD = $(ui_screen_libs)
ui_picture_SOURCES = tests/unit/ui_picture.c
ui_picture_CPPFLAGS = $(TEST_CPPFLAGS)
ui_picture_LDADD = $(ui_screen_libs)
ui_sixel_SOURCES = tests/unit/ui_sixel.c
ui_sixel_CPPFLAGS = $(TEST_CPPFLAGS)
ui_sixel_LDADD = $(ui_screen_libs)
ui_blocks_SOURCES = tests/unit/ui_blocks.c
ui_blocks_CPPFLAGS = $(TEST_CPPFLAGS)
ui_blocks_LDADD = $(ui_screen_libs)
