# screen: the ui in a terminal, driven by ui-demo. A script a test; run-screen says what its options mean.
check_PROGRAMS += ui-demo
ui_demo_SOURCES = tests/screen/ui-demo.c
ui_demo_LDADD = libui.a libbase.a $(NCURSES_LIBS) $(READLINE_LIBS) $(SIXEL_LIBS) $(UTF8PROC_LIBS) -lm

TEST_EXTENSIONS = .keys
KEYS_LOG_COMPILER = $(srcdir)/tests/screen/run-screen
screen_scripts = \
	tests/screen/answers.keys tests/screen/blocks.keys tests/screen/equality.keys tests/screen/flicker.keys tests/screen/forgets.keys \
	tests/screen/hostile.keys tests/screen/idle.keys tests/screen/labels.keys tests/screen/lag.keys \
	tests/screen/overlay.keys tests/screen/picture.keys tests/screen/popup.keys tests/screen/registers.keys \
	tests/screen/repaint.keys tests/screen/resize.keys tests/screen/slow.keys tests/screen/small.keys \
	tests/screen/strict.keys tests/screen/suspend.keys tests/screen/tmux.keys tests/screen/typing.keys \
	tests/screen/xkeys.keys tests/screen/reading.keys tests/screen/find.keys tests/screen/enlarge.keys \
	tests/screen/copy.keys tests/screen/mouse.keys tests/screen/truecolor.keys
TESTS += $(screen_scripts) tests/screen/bytes.sh
EXTRA_DIST += tests/screen/run-screen tests/screen/bytes.sh tests/screen/answers.md $(screen_scripts)

clean-local: clean-screen
clean-screen:
	-rm -rf screen-out
