/* breaks.cu: loaded before a program (LD_PRELOAD), it lets the card fail under it for real: before the nth graph that the
 * process launches, n in $IVCHAT_TEST_BREAK, it launches a kernel that writes where nothing is, on the same stream; not so
 * in processes that are started then. The program needs no hook for that: its CUDA runtime asks dlsym for the driver's
 * function that finds all others, and is given one that finds a graph launch of ours.
 */
#include <atomic>
#include <cuda.h>
#include <cudaTypedefs.h>
#include <cuda_runtime.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static PFN_cuGraphLaunch_v10000 real_launch;
static PFN_cuGetProcAddress_v12000 real_find;
static PFN_cuGetProcAddress_v11030 real_find_old;

static __global__ void
write_nowhere(void)
{
	*(volatile int *)0x1000 = 1;
}

static CUresult
launch_graph(CUgraphExec graph, CUstream stream)
{
	static std::atomic<int> n_left(getenv("IVCHAT_TEST_BREAK") ? atoi(getenv("IVCHAT_TEST_BREAK")) : 0);

	if (--n_left == 0) {
		unsetenv("IVCHAT_TEST_BREAK");
		write_nowhere<<<1, 1, 0, (cudaStream_t)stream>>>();
		if (cudaPeekAtLastError() != cudaSuccess)
			fprintf(stderr, "breaks: %s\n", cudaGetErrorString(cudaGetLastError()));
	}
	return real_launch(graph, stream);
}

static CUresult
find_old(const char *name, void **f, int version, cuuint64_t flags);
static CUresult
find(const char *name, void **f, int version, cuuint64_t flags, CUdriverProcAddressQueryResult *found);

/* What the driver has found, or ours in its place. */
static void
replace(const char *name, int version, void **f)
{
	if (!f || !*f)
		return;
	if (strcmp(name, "cuGraphLaunch") == 0) {
		real_launch = (PFN_cuGraphLaunch_v10000)*f;
		*f = (void *)launch_graph;
	} else if (strcmp(name, "cuGetProcAddress_v2") == 0 || (strcmp(name, "cuGetProcAddress") == 0 && version >= 12000)) {
		real_find = (PFN_cuGetProcAddress_v12000)*f;
		*f = (void *)find;
	} else if (strcmp(name, "cuGetProcAddress") == 0) {
		real_find_old = (PFN_cuGetProcAddress_v11030)*f;
		*f = (void *)find_old;
	}
}

static CUresult
find_old(const char *name, void **f, int version, cuuint64_t flags)
{
	CUresult rc = real_find_old(name, f, version, flags);

	if (rc == CUDA_SUCCESS)
		replace(name, version, f);
	return rc;
}

static CUresult
find(const char *name, void **f, int version, cuuint64_t flags, CUdriverProcAddressQueryResult *found)
{
	CUresult rc = real_find(name, f, version, flags, found);

	if (rc == CUDA_SUCCESS)
		replace(name, version, f);
	return rc;
}

extern "C" void *
dlsym(void *__restrict handle, const char *__restrict name) noexcept
{
	static const char *const versions[] = { "GLIBC_2.34", "GLIBC_2.2.5", "GLIBC_2.17" };
	static void *(*next)(void *, const char *);
	void *f;

	for (size_t i = 0; i < sizeof versions / sizeof *versions && !next; i++)
		next = (void *(*)(void *, const char *))dlvsym(RTLD_NEXT, "dlsym", versions[i]);
	f = next ? next(handle, name) : NULL;
	replace(name, 0, &f);
	return f;
}
