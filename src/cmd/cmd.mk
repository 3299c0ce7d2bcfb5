# cmd: the command line; a subcommand a file, and what they share.
noinst_LIBRARIES += libcmd.a
libcmd_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
libcmd_a_SOURCES = \
	src/cmd/cmd.c src/cmd/cmd.h src/cmd/options.c src/cmd/options.h src/cmd/nearest.c src/cmd/nearest.h \
	src/cmd/device.c src/cmd/device.h src/cmd/bundled.c src/cmd/bundled.h src/cmd/shelf.c src/cmd/shelf.h src/cmd/signals.c src/cmd/signals.h \
	src/cmd/chat.c src/cmd/ask.c src/cmd/ask.h src/cmd/prompt.c src/cmd/report.c src/cmd/talk.c src/cmd/talk.h \
	src/cmd/place.c src/cmd/place.h src/cmd/squares.c src/cmd/squares.h src/cmd/reply.c src/cmd/reply.h \
	src/cmd/output.c src/cmd/output.h src/cmd/paint.c src/cmd/paint.h src/cmd/progress.c src/cmd/progress.h \
	src/cmd/jsontext.c src/cmd/jsontext.h src/cmd/tokenize.c src/cmd/ls.c src/cmd/show.c src/cmd/rename.c \
	src/cmd/rm.c src/cmd/path.c src/cmd/tag.c src/cmd/search.c src/cmd/export.c src/cmd/import.c \
	src/cmd/asker.c src/cmd/asker.h src/cmd/batch.c src/cmd/batch.h src/cmd/answered.c src/cmd/question.c src/cmd/replay.c src/cmd/repeat.h \
	src/cmd/verify.c src/cmd/rerun.c src/cmd/worddiff.c src/cmd/worddiff.h \
	src/cmd/model.c src/cmd/bench.c src/cmd/measure.c src/cmd/measure.h src/cmd/spec.c src/cmd/spec.h \
	src/cmd/quantize.c src/cmd/quantize.h src/cmd/writing.c src/cmd/writing.h \
	src/cmd/synth.c src/cmd/synth.h src/cmd/digests.c src/cmd/digests.h src/cmd/config.c src/cmd/completion.c src/cmd/doctor.c \
	src/cmd/help.c src/cmd/columns.c src/cmd/columns.h

# Which commit this is, for the record of a measurement; rewritten only when it is another one.
commit.h: FORCE
	@c=unknown; test ! -e '$(srcdir)/.git' || c=`git -C '$(srcdir)' describe --always --dirty --abbrev=12 2>/dev/null`; \
	    echo "#define COMMIT \"$$c\"" >$@.new; if cmp -s $@.new $@; then rm -f $@.new; else mv -f $@.new $@; fi
src/cmd/libcmd_a-bench.$(OBJEXT): commit.h
CLEANFILES += commit.h
FORCE:
.PHONY: FORCE
