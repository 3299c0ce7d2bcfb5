# check_PROGRAMS and TESTS of unit/ui

# the pure half
check_PROGRAMS += ui_field ui_wrap ui_rows ui_transcript ui_reader ui_input
TESTS += ui_field ui_wrap ui_rows ui_transcript ui_reader ui_input
ui_pure_libs = libui.a libbase.a $(UTF8PROC_LIBS) $(CMOCKA_LIBS)
ui_field_SOURCES = tests/unit/ui_field.c
ui_field_CPPFLAGS = $(TEST_CPPFLAGS)
ui_field_LDADD = $(ui_pure_libs)
ui_wrap_SOURCES = tests/unit/ui_wrap.c
ui_wrap_CPPFLAGS = $(TEST_CPPFLAGS)
ui_wrap_LDADD = $(ui_pure_libs)
ui_rows_SOURCES = tests/unit/ui_rows.c
ui_rows_CPPFLAGS = $(TEST_CPPFLAGS)
ui_rows_LDADD = $(ui_pure_libs)
ui_transcript_SOURCES = tests/unit/ui_transcript.c
ui_transcript_CPPFLAGS = $(TEST_CPPFLAGS)
ui_transcript_LDADD = $(ui_pure_libs)
ui_reader_SOURCES = tests/unit/ui_reader.c
ui_reader_CPPFLAGS = $(TEST_CPPFLAGS)
ui_reader_LDADD = $(ui_pure_libs)
ui_input_SOURCES = tests/unit/ui_input.c
ui_input_CPPFLAGS = $(TEST_CPPFLAGS)
ui_input_LDADD = libui.a libbase.a $(READLINE_LIBS) $(UTF8PROC_LIBS) $(CMOCKA_LIBS)

check_PROGRAMS += ui_highlight ui_math ui_markdown
TESTS += ui_highlight ui_math ui_markdown
ui_highlight_SOURCES = tests/unit/ui_highlight.c
ui_highlight_CPPFLAGS = $(TEST_CPPFLAGS)
ui_highlight_LDADD = $(ui_pure_libs)
ui_math_SOURCES = tests/unit/ui_math.c
ui_math_CPPFLAGS = $(TEST_CPPFLAGS)
ui_math_LDADD = $(ui_pure_libs)
ui_markdown_SOURCES = tests/unit/ui_markdown.c
ui_markdown_CPPFLAGS = $(TEST_CPPFLAGS)
ui_markdown_LDADD = $(ui_pure_libs)

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

# reading mode
check_PROGRAMS += ui_reading
TESTS += ui_reading
ui_reading_SOURCES = tests/unit/ui_reading.c
ui_reading_CPPFLAGS = $(TEST_CPPFLAGS)
ui_reading_LDADD = $(ui_screen_libs)

check_PROGRAMS += ui_html
TESTS += ui_html
ui_html_SOURCES = tests/unit/ui_html.c
ui_html_CPPFLAGS = $(TEST_CPPFLAGS)
ui_html_LDADD = $(ui_pure_libs)

check_PROGRAMS += ui_fetch
TESTS += ui_fetch
ui_fetch_SOURCES = tests/unit/ui_fetch.c
ui_fetch_CPPFLAGS = $(TEST_CPPFLAGS)
ui_fetch_LDADD = $(ui_pure_libs)

check_PROGRAMS += ui_burst
TESTS += ui_burst
ui_burst_SOURCES = tests/unit/ui_burst.c
ui_burst_CPPFLAGS = $(TEST_CPPFLAGS)
ui_burst_LDADD = $(ui_pure_libs)
