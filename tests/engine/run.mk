# engine/run: the running half. Operators and timelines need nothing but themselves; conform compares with the official
# modules' values where ../shared has them; bench is for people (make tests/engine/bench).
RUN_LIBS = $(ENGINE_LIBS) libbase.a $(JANSSON_LIBS) $(UTF8PROC_LIBS) $(NETTLE_LIBS) $(BLAS_LIBS) $(CUDA_LIBS)
check_PROGRAMS += engine_operators engine_quant engine_packed engine_timeline engine_guessing engine_sampling engine_drawing engine_conform
TESTS += engine_operators engine_quant engine_packed engine_timeline engine_guessing engine_sampling engine_drawing tests/conform
EXTRA_PROGRAMS = engine_bench
EXTRA_DIST += tests/conform
CLEANFILES += $(EXTRA_PROGRAMS)
engine_operators_SOURCES = tests/engine/operators.c tests/engine/tiny.c tests/engine/tiny.h
engine_operators_CPPFLAGS = $(TEST_CPPFLAGS)
engine_operators_LDADD = $(RUN_LIBS) $(CMOCKA_LIBS) -lm
engine_quant_SOURCES = tests/engine/quant.c tests/engine/tiny.c tests/engine/tiny.h
engine_quant_CPPFLAGS = $(TEST_CPPFLAGS)
engine_quant_LDADD = $(RUN_LIBS) $(CMOCKA_LIBS) -lm
engine_packed_SOURCES = tests/engine/packed.c tests/engine/tiny.c tests/engine/tiny.h
engine_packed_CPPFLAGS = $(TEST_CPPFLAGS)
engine_packed_LDADD = $(RUN_LIBS) $(CMOCKA_LIBS) -lm
engine_timeline_SOURCES = tests/engine/timeline.c tests/engine/bed.c tests/engine/bed.h tests/engine/tiny.c tests/engine/tiny.h
engine_timeline_CPPFLAGS = $(TEST_CPPFLAGS)
engine_timeline_LDADD = $(RUN_LIBS) $(CMOCKA_LIBS) -lm
engine_guessing_SOURCES = tests/engine/guessing.c tests/engine/bed.c tests/engine/bed.h tests/engine/tiny.c tests/engine/tiny.h
engine_guessing_CPPFLAGS = $(TEST_CPPFLAGS)
engine_guessing_LDADD = $(RUN_LIBS) $(CMOCKA_LIBS) -lm
engine_sampling_SOURCES = tests/engine/sampling.c
engine_sampling_CPPFLAGS = $(TEST_CPPFLAGS)
engine_sampling_LDADD = $(RUN_LIBS) $(CMOCKA_LIBS) -lm
engine_drawing_SOURCES = tests/engine/drawing.c
engine_drawing_CPPFLAGS = $(TEST_CPPFLAGS)
engine_drawing_LDADD = $(RUN_LIBS) $(CMOCKA_LIBS) -lm
engine_conform_SOURCES = tests/engine/conform.c tests/engine/conform.h tests/engine/gpulist.h tests/engine/conform_images.c \
	tests/engine/conform_prompts.c tests/engine/conform_units.c tests/engine/conform_text.c \
	tests/engine/conform_program.c tests/engine/golden.c tests/engine/golden.h
engine_conform_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) -I$(srcdir)/tests/engine
engine_conform_LDADD = libpicture.a $(RUN_LIBS) $(JPEG_LIBS) $(WEBP_LIBS) -lm
engine_bench_SOURCES = tests/engine/bench.c tests/engine/tiny.c tests/engine/tiny.h
engine_bench_LDADD = $(RUN_LIBS) -lm

# The arithmetic of the plan for GPUs: where the backend is built, on machines without one too.
if HAVE_CUDA
check_PROGRAMS += engine_choose
TESTS += engine_choose
endif
engine_choose_SOURCES = tests/engine/choose.c
engine_choose_CPPFLAGS = $(TEST_CPPFLAGS)
engine_choose_LDADD = $(RUN_LIBS) $(CMOCKA_LIBS) -lm
