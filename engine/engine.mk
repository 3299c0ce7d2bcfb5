# engine: computes. libengine.a is the model; libcpu.a the CPU backend (an archive of its own: the CUDA twin will
# have objects of the same names).
noinst_LIBRARIES += libengine.a libcpu.a
libengine_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(MD_CFLAGS)
libengine_a_SOURCES = \
	engine/engine.h engine/tensor.h engine/backend.h engine/hparams.h engine/checkpoint.h engine/model.h engine/jsonfile.h \
	engine/running.h engine/vision.h engine/decoder.h engine/sampler.h \
	engine/card.h engine/lookup.h engine/protobuf.h engine/tokenizer.h engine/vocab.h \
	engine/jsonfile.c engine/tensor.c engine/hparams.c engine/checkpoint.c engine/model.c engine/card.c \
	engine/lookup.c engine/protobuf.c engine/vocab.c engine/bpe.c engine/tokenizer.c engine/stream.c \
	engine/pixels.c engine/prompt.c \
	engine/engine.c engine/plan.c engine/vision.c engine/decoder.c engine/context.c engine/sampler.c
libcpu_a_CPPFLAGS = $(AM_CPPFLAGS) $(BLAS_CFLAGS)
libcpu_a_CFLAGS = $(AM_CFLAGS) -O3
libcpu_a_SOURCES = \
	engine/cpu/cpu.c engine/cpu/cpu.h engine/cpu/threads.c engine/cpu/kernels.c engine/cpu/gemm.c \
	engine/cpu/attention.c engine/cpu/norm.c engine/cpu/rope.c engine/cpu/pointwise.c
