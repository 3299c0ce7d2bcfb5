/* card.cuh: what the tests of products share: the card, vectors on it, and how long something takes there. */
#ifndef TESTS_CUDA_CARD_CUH
#define TESTS_CUDA_CARD_CUH

#include <algorithm>
#include <functional>
#include <vector>

#include "engine/cuda/packed.cuh"
#include "tests/cuda/testing.cuh"

typedef std::vector<uint16_t> halves;
typedef std::vector<float> floats;

static const char *const names[] = { "bf16", "fp8", "int8", "int4" };
static int n_sm, shared_bytes, n_bad;
static bool chained;

/* Finds the card; false: there is none. */
static bool
open_card(void)
{
	struct cudaDeviceProp p;

	if (!open_stream())
		return false;
	CHECK(cudaGetDeviceProperties(&p, 0));
	n_sm = p.multiProcessorCount;
	shared_bytes = (int)p.sharedMemPerBlockOptin;
	chained = p.major >= 9;
	printf("%s, %d multiprocessors\n", p.name, n_sm);
	return true;
}

/* A copy from pageable memory may return before the card has it, and our stream does not wait for it by itself. */
template <typename T>
static void
put(T *to, const std::vector<T> &v)
{
	CHECK(cudaMemcpy(to, v.data(), v.size() * sizeof(T), cudaMemcpyHostToDevice));
	CHECK(cudaDeviceSynchronize());
}

template <typename T>
static T *
on_card(const std::vector<T> &v)
{
	T *p;

	CHECK(cudaMalloc(&p, v.size() * sizeof(T) + 512));
	put(p, v);
	return p;
}

template <typename T>
static std::vector<T>
from_card(const T *p, size_t n)
{
	std::vector<T> v(n);

	CHECK(cudaStreamSynchronize(stream));
	CHECK(cudaMemcpy(v.data(), p, n * sizeof(T), cudaMemcpyDeviceToHost));
	return v;
}

static double
median_ms(const std::function<void()> &f)
{
	cudaEvent_t a, b;
	floats t;

	CHECK(cudaEventCreate(&a));
	CHECK(cudaEventCreate(&b));
	for (int i = 0; i < 9; i++) {
		float ms;

		CHECK(cudaEventRecord(a, stream));
		f();
		CHECK(cudaEventRecord(b, stream));
		CHECK(cudaEventSynchronize(b));
		CHECK(cudaEventElapsedTime(&ms, a, b));
		if (i >= 2)
			t.push_back(ms);
	}
	CHECK(cudaGetLastError());
	CHECK(cudaEventDestroy(a));
	CHECK(cudaEventDestroy(b));
	std::sort(t.begin(), t.end());
	return t[t.size() / 2];
}

#endif
