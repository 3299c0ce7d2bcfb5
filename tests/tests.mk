# tests: unit/ a file a module (cmocka), linked with only the rooms it is about; program/ the binary by pipes and in a
# pty; screen/ a terminal; engine/ stages against goldens; hostile/ damage at random;
# demo/ the bundled model.
include tests/unit/base.mk
include tests/unit/conf.mk
include tests/unit/ui.mk
include tests/unit/picture.mk
include tests/unit/chat.mk
include tests/unit/store.mk
include tests/unit/export.mk
include tests/unit/link.mk
include tests/engine/pure.mk
include tests/engine/run.mk
include tests/hostile/hostile.mk
include tests/program/cli.mk
include tests/program/chat.mk
include tests/unit/replay.mk
include tests/screen/screen.mk
include tests/demo/demo.mk
include tests/cuda/cuda.mk

TEST_CPPFLAGS = $(AM_CPPFLAGS) $(CMOCKA_CFLAGS)
