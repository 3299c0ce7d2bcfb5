/* testing.cuh: what the tests of kernels share: a failed call ends the test, random numbers, bfloat16 on the host, a stream. */
#ifndef TESTS_CUDA_TESTING_CUH
#define TESTS_CUDA_TESTING_CUH

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cuda_runtime.h>

#define SHOWN 20                /* failures that are printed */

#define CHECK(x) check((x), #x, __FILE__, __LINE__)

static void
check(cudaError_t rc, const char *what, const char *file, int line)
{
	if (rc == cudaSuccess)
		return;
	fprintf(stderr, "%s:%d: %s: %s\n", file, line, what, cudaGetErrorString(rc));
	exit(1);
}

static uint32_t seed = 1;

/* In [-1, 1). */
static float
uniform(void)
{
	seed = seed * 1664525u + 1013904223u;
	return (float)(seed >> 8) / 8388608.0f - 1.0f;
}

static uint16_t
bf16(float f)
{
	uint32_t u;

	memcpy(&u, &f, 4);
	return (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}

static float
value(uint16_t h)
{
	uint32_t u = (uint32_t)h << 16;
	float f;

	memcpy(&f, &u, 4);
	return f;
}

static cudaStream_t stream;

/* Makes the stream; false: there is no device, as has been said. */
static bool
open_stream(void)
{
	int n = 0;

	if (cudaGetDeviceCount(&n) != cudaSuccess || n == 0) {
		printf("no device\n");
		return false;
	}
	CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
	return true;
}

#endif
