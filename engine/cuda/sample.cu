/* sample.cu: the greedy choice where the logits lie: the two largest, the lower id on a tie, and whether all are numbers.
 * Blocks find their own two; the last one of a row to finish joins them, in a fixed order.
 */
#include "engine/cuda/common.cuh"

#define THREADS 256
#define BLOCKS 64

struct work {
	struct top2 part[BLOCKS];
	unsigned n_done;
};

static_assert(sizeof(struct work) <= 2048, "kernels.h promises that 2 KiB are enough for a row");

__device__ __forceinline__ bool
precedes(float a, int32_t a_id, float b, int32_t b_id)
{
	return a > b || (a == b && a_id < b_id);
}

/* Takes value v of id into t. id -1: nothing. */
__device__ __forceinline__ void
take(struct top2 *t, float v, int32_t id)
{
	if (id < 0)
		return;
	if (t->id < 0 || precedes(v, id, t->best, t->id)) {
		t->second = t->best;
		t->second_id = t->id;
		t->best = v;
		t->id = id;
	} else if (t->second_id < 0 || precedes(v, id, t->second, t->second_id)) {
		t->second = v;
		t->second_id = id;
	}
}

__device__ __forceinline__ void
join(struct top2 *t, const struct top2 *other)
{
	take(t, other->best, other->id);
	take(t, other->second, other->second_id);
	t->finite &= other->finite;
}

__device__ __forceinline__ struct top2
shuffled(const struct top2 &t, int mask)
{
	struct top2 o;

	o.id = __shfl_xor_sync(FULL, t.id, mask);
	o.second_id = __shfl_xor_sync(FULL, t.second_id, mask);
	o.best = __shfl_xor_sync(FULL, t.best, mask);
	o.second = __shfl_xor_sync(FULL, t.second, mask);
	o.finite = __shfl_xor_sync(FULL, t.finite, mask);
	return o;
}

/* The block's two; valid in thread 0. */
__device__ struct top2
join_block(struct top2 t, struct top2 *room)
{
	for (int m = 16; m; m >>= 1) {
		struct top2 o = shuffled(t, m);

		join(&t, &o);
	}
	if ((threadIdx.x & 31) == 0)
		room[threadIdx.x >> 5] = t;
	__syncthreads();
	for (int i = 1; threadIdx.x == 0 && i < THREADS / 32; i++)
		join(&t, &room[i]);
	return t;
}

__global__ void __launch_bounds__(THREADS)
top2_kernel(struct top2 *out, const float *logits, int n, struct work *work)
{
	__shared__ struct top2 room[THREADS / 32];
	__shared__ bool last;
	struct top2 t = { -1, -1, 0, 0, 1 };

	logits += (size_t)blockIdx.y * n;
	work += blockIdx.y;
	wait_for_previous();
	for (int i = blockIdx.x * THREADS + threadIdx.x; i < n; i += BLOCKS * THREADS) {
		take(&t, logits[i], i);
		t.finite &= !isnan(logits[i]);
	}
	t = join_block(t, room);
	if (threadIdx.x == 0) {
		work->part[blockIdx.x] = t;
		__threadfence();
		last = atomicAdd(&work->n_done, 1) == BLOCKS - 1;
	}
	__syncthreads();
	if (!last)
		return;
	__threadfence();
	t = (struct top2){ -1, -1, 0, 0, 1 };
	if (threadIdx.x < BLOCKS)
		t = work->part[threadIdx.x];
	t = join_block(t, room);
	if (threadIdx.x != 0)
		return;
	t.finite &= isfinite(t.best) ? 1 : 0;
	work->n_done = 0;
	out[blockIdx.y] = t;
}

extern "C" void
cuda_top2(cudaStream_t s, struct top2 *out, const float *logits, int n_rows, int n, void *work, bool chained)
{
	launch(top2_kernel, dim3(BLOCKS, (unsigned)n_rows), dim3(THREADS), 0, s, chained, out, logits, n, (struct work *)work);
}
