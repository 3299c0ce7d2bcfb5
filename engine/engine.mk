# engine: computes. libengine.a is the model; libcpu.a the CPU backend (an archive of its own: the CUDA twin will
# have objects of the same names).
noinst_LIBRARIES += libengine.a libcpu.a
libengine_a_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS) $(NETTLE_CFLAGS) $(CUDA_CFLAGS)
libengine_a_SOURCES = \
	engine/engine.h engine/tensor.h engine/backend.h engine/hparams.h engine/checkpoint.h engine/model.h engine/jsonfile.h \
	engine/bench.h engine/gpus.h engine/running.h engine/watch.h engine/vision.h engine/decoder.h engine/sampler.h engine/survey.h \
	engine/guess.h engine/worth.h \
	engine/card.h engine/choose.h engine/lookup.h engine/protobuf.h engine/tokenizer.h engine/vocab.h \
	engine/jsonfile.c engine/tensor.c engine/hparams.c engine/checkpoint.c engine/model.c engine/card.c \
	engine/lookup.c engine/protobuf.c engine/vocab.c engine/bpe.c engine/tokenizer.c engine/stream.c \
	engine/pixels.c engine/prompt.c engine/synth.c engine/synth.h engine/synthfiles.c engine/synthvalues.c \
	engine/quantize.c engine/crew.c engine/crew.h engine/shards.c engine/shards.h \
	engine/engine.c engine/choose.c engine/plan.c engine/vision.c engine/decoder.c engine/context.c engine/context.h engine/snapshot.c engine/sampler.c engine/survey.c \
	engine/step.c engine/guess.c engine/worth.c \
	engine/bench.c engine/gpus.c
libcpu_a_CPPFLAGS = $(AM_CPPFLAGS) $(BLAS_CFLAGS)
libcpu_a_SOURCES = \
	engine/cpu/cpu.c engine/cpu/cpu.h engine/cpu/tables.h engine/cpu/threads.c engine/cpu/kernels.c engine/cpu/gemm.c engine/cpu/quant.c engine/cpu/quant.h \
	engine/cpu/attention.c engine/cpu/norm.c engine/cpu/rope.c engine/cpu/pointwise.c

# The CUDA backend: C where nothing runs on the card, .cu where it does. ENGINE_LIBS is what a program links.
EXTRA_DIST += engine/cuda/attention.cu engine/cuda/attention.cuh engine/cuda/attention_wgmma.cu engine/cuda/ceilings.cu engine/cuda/decode_attention.cu engine/cuda/gemm_packed.cu engine/cuda/gemm_packed.cuh engine/cuda/gemm_packed_wgmma.cu engine/cuda/gemm_wgmma.cu engine/cuda/wgmma.cuh engine/cuda/gemv.cu engine/cuda/gemv_rows.cu engine/cuda/gemv_packed.cu \
	engine/cuda/norm.cu engine/cuda/pointwise.cu engine/cuda/quant.cu engine/cuda/sample.cu engine/cuda/common.cuh engine/cuda/packed.cuh engine/cuda/gemv.cuh
if HAVE_CUDA
ENGINE_LIBS = libengine.a libcuda.a libcpu.a libengine.a libcpu.a
noinst_LIBRARIES += libcuda.a
libcuda_a_CPPFLAGS = $(AM_CPPFLAGS) $(CUDA_CFLAGS)
libcuda_a_SOURCES = engine/cuda/cuda.h engine/cuda/kernels.h engine/cuda/gemm.h engine/cuda/packed.h engine/cuda/sizes.h engine/cuda/ceilings.h \
	engine/cuda/ceilings.c engine/cuda/devices.c \
	engine/cuda/cuda.c engine/cuda/kv.c engine/cuda/weights.c engine/cuda/load.c engine/cuda/gemm.c engine/cuda/gemm_table.c
CUDA_OBJECTS = engine/cuda/attention.o engine/cuda/attention_wgmma.o engine/cuda/decode_attention.o engine/cuda/gemm_packed.o engine/cuda/gemm_packed_wgmma.o engine/cuda/gemm_wgmma.o engine/cuda/gemv.o engine/cuda/gemv_rows.o engine/cuda/gemv_packed.o \
	engine/cuda/ceilings.o engine/cuda/norm.o engine/cuda/pointwise.o engine/cuda/quant.o engine/cuda/sample.o
libcuda_a_LIBADD = $(CUDA_OBJECTS)
libcuda_a_DEPENDENCIES = $(CUDA_OBJECTS)
engine/cuda/attention.o engine/cuda/attention_wgmma.o: engine/cuda/attention.cuh
engine/cuda/attention_wgmma.o engine/cuda/gemm_packed_wgmma.o engine/cuda/gemm_wgmma.o: engine/cuda/wgmma.cuh
engine/cuda/gemm_packed.o engine/cuda/gemm_packed_wgmma.o: engine/cuda/gemm_packed.cuh
engine/cuda/gemv.o engine/cuda/gemv_rows.o: engine/cuda/gemv.cuh
$(CUDA_OBJECTS): engine/cuda/common.cuh engine/cuda/kernels.h engine/cuda/packed.h engine/cuda/packed.cuh
else
ENGINE_LIBS = libengine.a libcpu.a libengine.a
endif

SUFFIXES = .cu
AM_V_NVCC = $(AM_V_GEN)
.cu.o:
	@$(MKDIR_P) $(@D)
	$(AM_V_NVCC)$(NVCC) -std=c++17 -O3 $(NVCCFLAGS) -I$(srcdir) -I$(srcdir)/src -I$(builddir) -c -o $@ $<
