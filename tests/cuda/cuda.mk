# cuda: what only a machine with a GPU can tell: make check-gpu. Apart from it these compile, and are not run.
EXTRA_DIST += tests/cuda/check tests/cuda/verify.py tests/cuda/packed.py tests/cuda/gemm_packed_test.cu tests/cuda/gemm_wgmma_test.cu tests/cuda/gemv_test.cu tests/cuda/rows_test.cu tests/cuda/attention_test.cu \
	tests/cuda/between_test.cu tests/cuda/testing.cuh tests/cuda/card.cuh tests/cuda/chain.cuh \
	tests/cuda/two.py tests/cuda/fault.py tests/cuda/breaks.cu
if HAVE_CUDA
EXTRA_PROGRAMS += cuda_load cuda_operators cuda_fault
cuda_load_SOURCES = tests/cuda/load_test.c tests/engine/tiny.c tests/engine/tiny.h
cuda_load_CPPFLAGS = $(TEST_CPPFLAGS) $(CUDA_CFLAGS)
cuda_load_LDADD = $(RUN_LIBS) $(CMOCKA_LIBS) -lm
cuda_operators_SOURCES = tests/cuda/operators_test.c tests/cuda/pair.c tests/cuda/pair.h tests/engine/tiny.c tests/engine/tiny.h
cuda_operators_CPPFLAGS = $(TEST_CPPFLAGS) $(CUDA_CFLAGS)
cuda_operators_LDADD = $(RUN_LIBS) $(CMOCKA_LIBS) -lm
cuda_fault_SOURCES = tests/cuda/fault_test.c tests/engine/gpulist.h
cuda_fault_CPPFLAGS = $(TEST_CPPFLAGS) $(CUDA_CFLAGS)
cuda_fault_LDADD = $(RUN_LIBS) $(CMOCKA_LIBS) -lm

# They include the kernels they test.
gemv_test_objects = engine/cuda/gemv_rows.o engine/cuda/quant.o
rows_test_objects = engine/cuda/gemv.o engine/cuda/quant.o engine/cuda/decode_attention.o engine/cuda/sample.o
cuda_gemv: $(srcdir)/tests/cuda/gemv_test.cu $(srcdir)/engine/cuda/gemv.cu $(srcdir)/engine/cuda/gemv_packed.cu $(gemv_test_objects)
	$(AM_V_GEN)$(NVCC) -std=c++17 -O3 $(NVCCFLAGS) -I$(srcdir) -o $@ $(srcdir)/tests/cuda/gemv_test.cu $(gemv_test_objects)
cuda_rows: $(srcdir)/tests/cuda/rows_test.cu $(srcdir)/engine/cuda/gemv_rows.cu $(srcdir)/engine/cuda/gemv_packed.cu $(rows_test_objects)
	$(AM_V_GEN)$(NVCC) -std=c++17 -O3 $(NVCCFLAGS) -I$(srcdir) -o $@ $(srcdir)/tests/cuda/rows_test.cu $(rows_test_objects)
cuda_attention: $(srcdir)/tests/cuda/attention_test.cu $(srcdir)/engine/cuda/attention.cu $(srcdir)/engine/cuda/attention_wgmma.cu \
    $(srcdir)/engine/cuda/attention.cuh $(srcdir)/engine/cuda/wgmma.cuh
	$(AM_V_GEN)$(NVCC) -std=c++17 -O3 $(NVCCFLAGS) -I$(srcdir) -o $@ $(srcdir)/tests/cuda/attention_test.cu
cuda_gemm_packed: $(srcdir)/tests/cuda/gemm_packed_test.cu $(srcdir)/engine/cuda/gemm_packed.cu \
    $(srcdir)/engine/cuda/gemm_packed.cuh engine/cuda/gemm_packed_wgmma.o engine/cuda/quant.o
	$(AM_V_GEN)$(NVCC) -std=c++17 -O3 $(NVCCFLAGS) -I$(srcdir) -o $@ $(srcdir)/tests/cuda/gemm_packed_test.cu engine/cuda/gemm_packed_wgmma.o engine/cuda/quant.o
cuda_gemm_wgmma: $(srcdir)/tests/cuda/gemm_wgmma_test.cu $(srcdir)/engine/cuda/gemm_wgmma.cu $(srcdir)/engine/cuda/wgmma.cuh \
    engine/cuda/pointwise.o
	$(AM_V_GEN)$(NVCC) -std=c++17 -O3 $(NVCCFLAGS) -I$(srcdir) -o $@ $(srcdir)/tests/cuda/gemm_wgmma_test.cu engine/cuda/pointwise.o
cuda_between: $(srcdir)/tests/cuda/between_test.cu $(srcdir)/engine/cuda/norm.cu $(srcdir)/engine/cuda/pointwise.cu
	$(AM_V_GEN)$(NVCC) -std=c++17 -O3 $(NVCCFLAGS) -I$(srcdir) -o $@ $(srcdir)/tests/cuda/between_test.cu
cuda_gemv cuda_rows: $(srcdir)/tests/cuda/chain.cuh engine/cuda/gemv.cuh
cuda_gemm_packed cuda_gemm_wgmma cuda_gemv cuda_rows: $(srcdir)/tests/cuda/card.cuh
cuda_gemm_packed cuda_gemm_wgmma cuda_gemv cuda_rows cuda_attention cuda_between: $(srcdir)/tests/cuda/testing.cuh engine/cuda/common.cuh engine/cuda/kernels.h engine/cuda/packed.h engine/cuda/packed.cuh
# What is loaded before a program to let the card fail under it.
cuda_breaks.so: $(srcdir)/tests/cuda/breaks.cu
	$(AM_V_GEN)$(NVCC) -std=c++17 -O1 $(NVCCFLAGS) -Xcompiler -fPIC -shared -cudart static -o $@ $(srcdir)/tests/cuda/breaks.cu
CLEANFILES += cuda_breaks.so cuda_gemm_packed cuda_gemm_wgmma cuda_gemv cuda_rows cuda_attention cuda_between

gpu_programs = cuda_load cuda_operators cuda_fault cuda_breaks.so cuda_gemm_packed cuda_gemm_wgmma cuda_gemv cuda_rows cuda_attention cuda_between engine_conform demo_recorded
check-gpu: ivchat $(gpu_programs)
	srcdir='$(srcdir)' '$(srcdir)/tests/cuda/check' ./cuda_load ./cuda_operators ./cuda_fault ./cuda_gemm_packed ./cuda_gemm_wgmma ./cuda_gemv ./cuda_rows ./cuda_attention ./cuda_between '$(srcdir)/tests/conform -g 0' ./demo_recorded \
	    '$(srcdir)/tests/demo/corpus.py' '$(srcdir)/tests/demo/first_try.py' '$(srcdir)/tests/cuda/verify.py' '$(srcdir)/tests/cuda/packed.py' \
	    '$(srcdir)/tests/program/cli_guess.py' '$(srcdir)/tests/cuda/fault.py'
	@test "`nvidia-smi -L | wc -l`" -lt 2 || IVCHAT_TEST_GPU=0,1 srcdir='$(srcdir)' '$(srcdir)/tests/cuda/check' \
	    ./cuda_fault '$(srcdir)/tests/cuda/two.py' '$(srcdir)/tests/conform -g 0,1' ./demo_recorded '$(srcdir)/tests/cuda/verify.py' '$(srcdir)/tests/program/cli_guess.py'
else
check-gpu:
	@echo 'check-gpu: this build has no CUDA backend' >&2; exit 1
endif
.PHONY: check-gpu
