# ui: draws and reads keys; no tensor, no token, no file, no thread.
noinst_LIBRARIES += libui.a
libui_a_CPPFLAGS = $(AM_CPPFLAGS) $(NCURSES_CFLAGS) $(READLINE_CFLAGS) $(SIXEL_CFLAGS)
libui_a_SOURCES = \
	ui/ui.h ui/ui.c ui/internal.h ui/act.c ui/frame.c ui/screen.c ui/screen.h ui/term.c ui/term.h ui/input.c ui/input.h ui/keys.c ui/keys.h ui/keyname.c ui/keyname.h \
	ui/transcript.c ui/transcript.h ui/wrap.c ui/wrap.h ui/view.c ui/view.h ui/status.c ui/status.h \
	ui/picker.c ui/picker.h ui/theme.c ui/theme.h ui/colors.c ui/colors.h ui/picture.c ui/picture.h ui/sixel.c ui/sixel.h \
	ui/blocks.c ui/blocks.h ui/still.c ui/html.c ui/row.c ui/row.h ui/reader.c ui/reader.h ui/shrink.c ui/shrink.h ui/field.c ui/field.h \
	ui/menu.c ui/menu.h ui/plain.c ui/plain.h ui/probe.c \
	ui/markdown.c ui/markdown.h ui/inline.c ui/inline.h ui/table.c ui/table.h ui/styled.c ui/styled.h \
	ui/source.c ui/source.h \
	ui/highlight.c ui/highlight.h ui/math.c ui/math.h ui/boxes.c ui/boxes.h \
	ui/osc52.c ui/osc52.h ui/fetch.c ui/fetch.h ui/burst.c ui/burst.h ui/find.c ui/find.h ui/panes.c ui/panes.h ui/reading.c ui/reading.h
