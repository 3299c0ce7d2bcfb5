/* load.c: files → the places on the cards.
 *
 * The landings are cut into pieces of at most PIECE_BYTES, sorted as they lie in the files, and neighbours put together
 * into batches: one read each. Readers take batches in that order. A reader has two pinned buffers, so that it reads one
 * while the card fetches the other, and a stream on every card that it writes to; what has to change its form on the
 * way lands in a scratch on the card and is changed there, on the same stream. Each byte is read once, whatever the
 * form it takes.
 *
 * What lies in the page cache is copied from there; the rest is read past it (O_DIRECT), so that a model larger than
 * half the memory does not push out everything else, itself first. A file system that refuses either is read plainly.
 *
 * Invariants: a buffer is written only when the copies out of it have ended (its event); scratch is used in the order of
 * its stream. Readers touch no watch: they add to a counter, and the calling thread reports. The first failure stays.
 *
 * Bound: the bus of the card, when the files are in memory; the disk, when they are not.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "engine/cpu/quant.h"
#include "engine/cuda/cuda.h"
#include "engine/cuda/packed.h"
#include "engine/watch.h"

#define N_READERS 16                    /* at most: copying out of the page cache is what binds them */
#define N_BUFFERS 2
#define PIECE_BYTES ((size_t)5 << 19)   /* all buffers stay in the processor's caches: 8 MiB took a quarter longer, 1 MiB 6 % */
#define PAGE ((size_t)4096)             /* what O_DIRECT wants offsets, lengths and addresses to be multiples of */
#define BUFFER_BYTES (PIECE_BYTES + 2 * PAGE)
#define GAP_BYTES ((uint64_t)64 << 10)  /* read and thrown away rather than asked for apart */
#define PACK_ROWS 16                    /* a packed matrix gets its rows in multiples, so that tiles are not shared */
#define WAKE_MS 15
#define REPORT_MS 30

/* Values [first, first + n) of a landing, row after row. */
struct piece {
	int landing;
	int shard;                      /* -1: nothing to read */
	uint64_t offset;                /* in the shard's file */
	size_t first, n, bytes;
};

/* Pieces of one shard and one card that are read at once. */
struct batch {
	int piece, n_pieces;
	int shard, gpu;
	uint64_t offset;
	size_t bytes;
};

struct job {
	struct cuda *c;
	const struct checkpoint *from;
	struct piece *pieces;
	struct batch *batches;
	int n_pieces, cap_pieces, n_batches;
	long long total;
	atomic_int next;                /* batch */
	atomic_llong done;              /* bytes */
	atomic_bool quit;
	pthread_mutex_t lock;           /* of what follows */
	pthread_cond_t ended;
	int n_running;
	bool failed;
	struct error failure;
};

/* What a reader has on one card. */
struct lane {
	cudaStream_t stream;
	cudaEvent_t free[N_BUFFERS];    /* recorded behind the last copy out of each buffer */
	void *raw;                      /* PIECE_BYTES as stored, for what changes its form */
	uint16_t *rows;                 /* PIECE_BYTES of bf16 rows on their way into a packed or padded matrix */
	bool open;
};

struct reader {
	struct job *job;
	pthread_t thread;
	char *block;                    /* pinned: all buffers */
	int busy[N_BUFFERS];            /* the card that copies out of it, or -1 */
	int turn;                       /* the buffer that comes next */
	int gpu;                        /* whose device is the thread's, or -1 */
	struct lane lanes[MAX_GPUS];
	int shard, cached, direct;      /* descriptors of the shard; direct -1: refused */
};

/* ---------------------------------------------------------------- failing */

static int
keep(struct job *j, const struct error *e)
{
	pthread_mutex_lock(&j->lock);
	if (!j->failed)
		j->failure = *e;
	j->failed = true;
	pthread_mutex_unlock(&j->lock);
	atomic_store(&j->quit, true);
	return -1;
}

static int
refuse(struct reader *r, cudaError_t rc, const char *doing)
{
	struct error e = {0};

	cuda_error(&e, rc, doing);
	return keep(r->job, &e);
}

#define TRY(r, call, doing) do { \
		cudaError_t try_rc = (call); \
		if (try_rc != cudaSuccess) \
			return refuse(r, try_rc, doing); \
	} while (0)

static int
refuse_read(struct reader *r, int number)
{
	struct error e = {0};
	const char *path = checkpoint_shard_path(r->job->from, r->shard);

	if (number)
		error_set(&e, CODE_MODEL, "cannot read '%s': %s", path, strerror(number));
	else
		error_set(&e, CODE_MODEL, "'%s' has become shorter while it was read", path);
	return keep(r->job, &e);
}

/* ---------------------------------------------------------------- pieces and batches */

static size_t
value_bytes(const struct landing *l)
{
	return dtype_bytes(l->type);
}

static bool
is_padded(const struct landing *l)
{
	return l->kind == LAND_BF16 && l->pitch > l->cols;
}

/* The most values that a piece of this landing holds. */
static size_t
piece_values(const struct landing *l)
{
	size_t widest = value_bytes(l) > sizeof(uint16_t) ? value_bytes(l) : sizeof(uint16_t);
	size_t most = PIECE_BYTES / widest, n_rows = most / (size_t)l->cols;

	if (l->kind != LAND_PACKED && l->kind != LAND_INT4 && l->kind != LAND_INT4_SCALES && !is_padded(l))
		return most;
	assert(n_rows > 0);
	if (l->kind == LAND_PACKED && n_rows > PACK_ROWS)
		n_rows -= n_rows % PACK_ROWS;
	return n_rows * (size_t)l->cols;
}

static void
add_piece(struct job *j, const struct piece *p)
{
	if (j->n_pieces == j->cap_pieces) {
		j->cap_pieces = j->cap_pieces ? 2 * j->cap_pieces : 4096;
		j->pieces = xreallocarray(j->pieces, (size_t)j->cap_pieces, sizeof *j->pieces);
	}
	j->pieces[j->n_pieces++] = *p;
	j->total += (long long)p->bytes;
}

static void
cut(struct job *j, int landing)
{
	const struct landing *l = &j->c->landings[landing];
	size_t n = (size_t)l->rows * (size_t)l->cols, most = piece_values(l);

	assert(!l->from || l->from->bytes == n * value_bytes(l));
	for (size_t at = 0; at < n; at += most) {
		struct piece p = {.landing = landing, .shard = -1, .first = at, .n = n - at < most ? n - at : most};

		p.bytes = p.n * value_bytes(l);
		if (l->from) {
			p.shard = l->from->shard;
			p.offset = l->from->offset + at * value_bytes(l);
		}
		add_piece(j, &p);
	}
}

static int
by_place(const void *a, const void *b)
{
	const struct piece *p = a, *q = b;

	if (p->shard != q->shard)
		return p->shard < q->shard ? -1 : 1;
	if (p->offset != q->offset)
		return p->offset < q->offset ? -1 : 1;
	if (p->landing != q->landing)
		return p->landing < q->landing ? -1 : 1;
	return (p->first > q->first) - (p->first < q->first);
}

/* Whether the piece is read with the batch before it; it then reaches to *end. */
static bool
joins(const struct job *j, const struct batch *b, const struct piece *p, uint64_t *end)
{
	uint64_t to = p->offset + p->bytes, last = b->offset + b->bytes;

	*end = to > last ? to : last;
	return p->shard >= 0 && p->shard == b->shard && j->c->landings[p->landing].gpu == b->gpu &&
	    p->offset <= last + GAP_BYTES && *end - b->offset <= PIECE_BYTES;
}

static void
make_batches(struct job *j)
{
	j->batches = xcalloc((size_t)j->n_pieces, sizeof *j->batches);
	for (int i = 0; i < j->n_pieces; i++) {
		const struct piece *p = &j->pieces[i];
		struct batch *b = j->n_batches ? &j->batches[j->n_batches - 1] : NULL;
		uint64_t end;

		if (b && joins(j, b, p, &end)) {
			b->n_pieces++;
			b->bytes = (size_t)(end - b->offset);
			continue;
		}
		j->batches[j->n_batches++] = (struct batch){.piece = i, .n_pieces = 1, .shard = p->shard,
		    .gpu = j->c->landings[p->landing].gpu, .offset = p->offset, .bytes = p->bytes};
	}
}

/* ---------------------------------------------------------------- reading */

/* The reader's descriptors become those of the shard. */
static int
open_shard(struct reader *r, int shard)
{
	const char *path = checkpoint_shard_path(r->job->from, shard);
	struct stat st;

	if (r->shard == shard)
		return 0;
	if (r->cached >= 0)
		close(r->cached);
	if (r->direct >= 0)
		close(r->direct);
	r->shard = shard;
	r->direct = -1;
	r->cached = open(path, O_RDONLY | O_CLOEXEC);
	if (r->cached < 0 || fstat(r->cached, &st) < 0)
		return refuse_read(r, errno);
	if ((uint64_t)st.st_size < checkpoint_shard_bytes(r->job->from, shard))
		return refuse_read(r, 0);
	r->direct = open(path, O_RDONLY | O_CLOEXEC | O_DIRECT);
	return 0;
}

/* Whether the page with this byte of a shard's mapping is in memory: a guess for the pages behind it. A kernel that
 * does not tell says yes; the read that must not wait then finds out. */
static bool
is_cached(const void *byte)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char in = 0;

	if (mincore((char *)(uintptr_t)byte - (uintptr_t)byte % page, 1, &in) < 0)
		return true;
	return in & 1;
}

/* Reads of [offset, offset + n) what needs no disk, from the front; returns how much. Everything, when the file system
 * does not know the question. */
static ssize_t
read_cached(int fd, char *to, size_t n, uint64_t offset)
{
	size_t at = 0;

	while (at < n) {
		struct iovec v = {to + at, n - at};
		ssize_t got = preadv2(fd, &v, 1, (off_t)(offset + at), RWF_NOWAIT);

		if (got < 0 && errno == EAGAIN)
			break;
		if (got < 0 && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL))
			got = pread(fd, to + at, n - at, (off_t)(offset + at));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		at += (size_t)got;
	}
	return (ssize_t)at;
}

/* Whether a direct read failed because there are none here, not because the disk did. */
static bool
is_refusal(int number)
{
	return number == EINVAL || number == EFAULT || number == EOPNOTSUPP;
}

/* One read at the offset; to lies as far behind a page as the offset does. A direct one begins at that page and ends at
 * one. Returns how many bytes of the n are there, 0 at the end of the file, -1 with errno. */
static ssize_t
read_some(struct reader *r, char *to, size_t n, uint64_t offset)
{
	size_t before = (size_t)(offset % PAGE);
	ssize_t got = -1;

	if (r->direct >= 0) {
		got = pread(r->direct, to - before, (before + n + PAGE - 1) / PAGE * PAGE, (off_t)(offset - before));
		if (got >= 0)
			got = got > (ssize_t)before ? got - (ssize_t)before : 0;
		else if (is_refusal(errno)) {
			close(r->direct);
			r->direct = -1;
		}
	}
	if (got < 0 && r->direct < 0)
		got = pread(r->cached, to, n, (off_t)offset);
	return got > (ssize_t)n ? (ssize_t)n : got;
}

/* The batch's bytes into the buffer; *at gets where they begin there: as far behind a page as in the file. */
static int
read_batch(struct reader *r, const struct batch *b, char *buffer, char **at)
{
	const struct landing *l = &r->job->c->landings[r->job->pieces[b->piece].landing];
	const char *mapped = (const char *)l->from->view.data + r->job->pieces[b->piece].first * value_bytes(l);
	size_t done = 0;
	ssize_t got;

	if (open_shard(r, b->shard) < 0)
		return -1;
	*at = buffer + b->offset % PAGE;
	if (r->direct < 0 || is_cached(mapped)) {
		got = read_cached(r->cached, *at, b->bytes, b->offset);
		if (got < 0)
			return refuse_read(r, errno);
		done = (size_t)got;
	}
	while (done < b->bytes && !atomic_load(&r->job->quit)) {
		got = read_some(r, *at + done, b->bytes - done, b->offset + done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return refuse_read(r, got < 0 ? errno : 0);
		done += (size_t)got;
	}
	return done < b->bytes ? -1 : 0;
}

/* ---------------------------------------------------------------- on the card */

static int
select_gpu(struct reader *r, int gpu)
{
	struct lane *lane = &r->lanes[gpu];

	if (r->gpu != gpu)
		TRY(r, cudaSetDevice(r->job->c->gpu[gpu].device), "choosing the card");
	r->gpu = gpu;
	if (lane->open)
		return 0;
	TRY(r, cudaStreamCreateWithFlags(&lane->stream, cudaStreamNonBlocking), "making a stream");
	lane->open = true;
	for (int i = 0; i < N_BUFFERS; i++)
		TRY(r, cudaEventCreateWithFlags(&lane->free[i], cudaEventDisableTiming), "making an event");
	return 0;
}

static int
need_scratch(struct reader *r, void **scratch)
{
	if (!*scratch)
		TRY(r, cudaMalloc(scratch, PIECE_BYTES), "making room to convert weights");
	return 0;
}

static enum number
number_of(enum dtype type)
{
	return type == DTYPE_F32 ? NUMBER_F32 : type == DTYPE_F16 ? NUMBER_F16 : NUMBER_BF16;
}

static int
copy(struct reader *r, struct lane *lane, void *to, const void *from, size_t n)
{
	TRY(r, cudaMemcpyAsync(to, from, n, cudaMemcpyHostToDevice, lane->stream), "copying weights to the card");
	return 0;
}

static uint32_t
seed_of(const struct piece *p)
{
	return (uint32_t)p->landing * 2654435761u + (uint32_t)(p->first >> 10);
}

/* The piece as float32 at its place. */
static int
land_f32(struct reader *r, struct lane *lane, const struct landing *l, const struct piece *p, const char *from)
{
	float *to = (float *)l->to + p->first;

	if (!from) {
		cuda_random(lane->stream, to, NUMBER_F32, p->n, l->range, l->mean, seed_of(p));
		return 0;
	}
	if (l->type == DTYPE_F32)
		return copy(r, lane, to, from, p->bytes);
	if (need_scratch(r, &lane->raw) < 0 || copy(r, lane, lane->raw, from, p->bytes) < 0)
		return -1;
	cuda_to_f32(lane->stream, to, lane->raw, number_of(l->type), p->n);
	return 0;
}

/* The piece as bf16, dense, at `to`. */
static int
land_bf16(struct reader *r, struct lane *lane, const struct landing *l, const struct piece *p, const char *from,
    uint16_t *to)
{
	if (!from) {
		cuda_random(lane->stream, to, NUMBER_BF16, p->n, l->range, l->mean, seed_of(p));
		return 0;
	}
	if (l->type == DTYPE_BF16)
		return copy(r, lane, to, from, p->bytes);
	if (need_scratch(r, &lane->raw) < 0 || copy(r, lane, lane->raw, from, p->bytes) < 0)
		return -1;
	cuda_to_bf16(lane->stream, to, lane->raw, number_of(l->type), p->n);
	return 0;
}

/* n_rows dense rows to where rows are pitch apart, with zeros behind each. */
static int
spread(struct reader *r, struct lane *lane, const struct landing *l, size_t row, size_t n_rows)
{
	size_t width = (size_t)l->cols * sizeof(uint16_t), pitch = (size_t)l->pitch * sizeof(uint16_t);
	char *to = (char *)l->to + row * pitch;

	TRY(r, cudaMemcpy2DAsync(to, pitch, lane->rows, width, width, n_rows, cudaMemcpyDeviceToDevice, lane->stream),
	    "spreading weights on the card");
	TRY(r, cudaMemset2DAsync(to + width, pitch, 0, pitch - width, n_rows, lane->stream), "padding weights");
	return 0;
}

/* Whole rows that lie otherwise than in the file. */
static int
land_rows(struct reader *r, struct lane *lane, const struct landing *l, const struct piece *p, const char *from)
{
	size_t row = p->first / (size_t)l->cols, n_rows = p->n / (size_t)l->cols;
	void *rows = lane->rows;

	if (need_scratch(r, &rows) < 0)
		return -1;
	lane->rows = rows;
	if (land_bf16(r, lane, l, p, from, lane->rows) < 0)
		return -1;
	if (l->kind == LAND_BF16)
		return spread(r, lane, l, row, n_rows);
	cuda_pack_rows(lane->stream, l->matrix, l->row + (int)row, (int)n_rows, lane->rows);
	return 0;
}

static int
check_scales(struct reader *r, const struct landing *l, const struct piece *p, const char *from)
{
	struct error e = {0};

	if (quant_check_scales(from, l->type == DTYPE_F16 ? DTYPE_U4 : DTYPE_I8, p->n))
		return 0;
	error_set(&e, CODE_MODEL, "tensor %s has a scale that is no number", l->name);
	return keep(r->job, &e);
}

/* Bytes and scales that stay in the order of their rows. */
static int
land_stored(struct reader *r, struct lane *lane, const struct landing *l, const struct piece *p, const char *from)
{
	char *to = (char *)l->to + p->first * value_bytes(l);

	if (l->kind == LAND_SCALES && check_scales(r, l, p, from) < 0)
		return -1;
	if (copy(r, lane, to, from, p->bytes) < 0)
		return -1;
	if (l->kind == LAND_INT8)
		cuda_take_int8(lane->stream, to, p->n);
	return 0;
}

/* Whole rows of 4 bits, or of their scales, which go into tiles. */
static int
land_tiles(struct reader *r, struct lane *lane, const struct landing *l, const struct piece *p, const char *from)
{
	int row = l->row + (int)(p->first / (size_t)l->cols), n_rows = (int)(p->n / (size_t)l->cols);

	if (l->kind == LAND_INT4_SCALES && check_scales(r, l, p, from) < 0)
		return -1;
	if (need_scratch(r, &lane->raw) < 0 || copy(r, lane, lane->raw, from, p->bytes) < 0)
		return -1;
	if (l->kind == LAND_INT4)
		cuda_take_int4(lane->stream, l->matrix, row, n_rows, lane->raw);
	else
		cuda_take_int4_scales(lane->stream, l->matrix, row, n_rows, lane->raw);
	return 0;
}

/* from NULL: random numbers. */
static int
land(struct reader *r, struct lane *lane, const struct piece *p, const char *from)
{
	const struct landing *l = &r->job->c->landings[p->landing];

	if (l->kind == LAND_F32)
		return land_f32(r, lane, l, p, from);
	if (l->kind == LAND_BYTES || l->kind == LAND_INT8 || l->kind == LAND_SCALES)
		return land_stored(r, lane, l, p, from);
	if (l->kind == LAND_INT4 || l->kind == LAND_INT4_SCALES)
		return land_tiles(r, lane, l, p, from);
	if (l->kind == LAND_BF16 && !is_padded(l))
		return land_bf16(r, lane, l, p, from, (uint16_t *)l->to + p->first);
	return land_rows(r, lane, l, p, from);
}

/* ---------------------------------------------------------------- one reader */

static int
need_buffers(struct reader *r)
{
	struct error e = {0};
	void *block;
	cudaError_t rc;

	if (r->block)
		return 0;
	rc = cudaHostAlloc(&block, N_BUFFERS * BUFFER_BYTES, cudaHostAllocPortable);
	if (rc == cudaSuccess) {
		r->block = block;
		return 0;
	}
	if (rc != cudaErrorMemoryAllocation)
		return refuse(r, rc, "making buffers for loading");
	error_set(&e, CODE_MEMORY, "the system gives no %zu MiB of pinned memory to load weights through",
	    N_BUFFERS * BUFFER_BYTES >> 20);
	return keep(r->job, &e);
}

/* The next buffer, when the copies out of it have ended. */
static int
take_buffer(struct reader *r, char **buffer)
{
	int i = r->turn, gpu = r->busy[i];

	if (need_buffers(r) < 0)
		return -1;
	if (gpu >= 0)
		TRY(r, cudaEventSynchronize(r->lanes[gpu].free[i]), "copying weights to the card");
	r->busy[i] = -1;
	*buffer = r->block + (size_t)i * BUFFER_BYTES;
	return 0;
}

static int
load_batch(struct reader *r, const struct batch *b)
{
	struct lane *lane = &r->lanes[b->gpu];
	char *buffer = NULL, *at = NULL;

	if (select_gpu(r, b->gpu) < 0)
		return -1;
	if (b->shard >= 0 && (take_buffer(r, &buffer) < 0 || read_batch(r, b, buffer, &at) < 0))
		return -1;
	for (int i = 0; i < b->n_pieces; i++) {
		const struct piece *p = &r->job->pieces[b->piece + i];

		if (land(r, lane, p, at ? at + (p->offset - b->offset) : NULL) < 0)
			return -1;
		atomic_fetch_add(&r->job->done, (long long)p->bytes);
	}
	TRY(r, cudaGetLastError(), "converting weights");
	if (b->shard < 0)
		return 0;
	TRY(r, cudaEventRecord(lane->free[r->turn], lane->stream), "copying weights to the card");
	r->busy[r->turn] = b->gpu;
	r->turn = (r->turn + 1) % N_BUFFERS;
	return 0;
}

static void
lane_close(struct reader *r, int gpu)
{
	struct lane *lane = &r->lanes[gpu];
	cudaError_t rc;

	if (!lane->open)
		return;
	cudaSetDevice(r->job->c->gpu[gpu].device);
	rc = cudaStreamSynchronize(lane->stream);
	if (rc != cudaSuccess)
		refuse(r, rc, "loading weights");
	for (int i = 0; i < N_BUFFERS; i++)
		if (lane->free[i])
			cudaEventDestroy(lane->free[i]);
	cudaStreamDestroy(lane->stream);
	cudaFree(lane->raw);
	cudaFree(lane->rows);
}

/* Waits for all that was asked of the cards; then nothing of the reader is in use. */
static void
reader_done(struct reader *r)
{
	for (int i = 0; i < MAX_GPUS; i++)
		lane_close(r, i);
	if (r->block)
		cudaFreeHost(r->block);
	if (r->cached >= 0)
		close(r->cached);
	if (r->direct >= 0)
		close(r->direct);
}

static void *
run_reader(void *arg)
{
	struct reader *r = arg;
	struct job *j = r->job;
	int i;

	while (!atomic_load(&j->quit) && (i = atomic_fetch_add(&j->next, 1)) < j->n_batches)
		if (load_batch(r, &j->batches[i]) < 0)
			break;
	reader_done(r);
	pthread_mutex_lock(&j->lock);
	j->n_running--;
	pthread_cond_signal(&j->ended);
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

static void
reader_init(struct reader *r, struct job *j)
{
	*r = (struct reader){.job = j, .gpu = -1, .shard = -1, .cached = -1, .direct = -1};
	for (int i = 0; i < N_BUFFERS; i++)
		r->busy[i] = -1;
}

/* ---------------------------------------------------------------- all of them */

static void
job_init(struct job *j, struct cuda *c, const struct checkpoint *from)
{
	pthread_condattr_t monotonic;

	*j = (struct job){.c = c, .from = from};
	pthread_mutex_init(&j->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&j->ended, &monotonic);
	pthread_condattr_destroy(&monotonic);
	for (int i = 0; i < c->n_landings; i++)
		cut(j, i);
	if (j->n_pieces > 0)
		qsort(j->pieces, (size_t)j->n_pieces, sizeof *j->pieces, by_place);
	make_batches(j);
}

static void
job_done(struct job *j)
{
	free(j->pieces);
	free(j->batches);
	pthread_mutex_destroy(&j->lock);
	pthread_cond_destroy(&j->ended);
}

/* Sleeps until a reader has ended or WAKE_MS are over; returns how many still run. */
static int
doze(struct job *j)
{
	struct timespec t;
	int n;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += WAKE_MS * 1000000L;
	if (t.tv_nsec >= 1000000000L) {
		t.tv_nsec -= 1000000000L;
		t.tv_sec++;
	}
	pthread_mutex_lock(&j->lock);
	if (j->n_running > 0)
		pthread_cond_timedwait(&j->ended, &j->lock, &t);
	n = j->n_running;
	pthread_mutex_unlock(&j->lock);
	return n;
}

static void
attend_to(struct job *j, const struct watch *watch)
{
	for (int i = 0; doze(j) > 0; i++) {
		if (watch_stopped(watch))
			atomic_store(&j->quit, true);
		else if (i % (REPORT_MS / WAKE_MS) == 0)
			watch_report(watch, STAGE_LOAD, atomic_load(&j->done), j->total);
	}
}

/* Starts as many readers as there is work for; how many run is in n_running before the first can end. */
static int
start(struct job *j, struct reader *readers, int n)
{
	int rc = 0, n_started = 0;

	for (int i = 0; i < n && rc == 0; i++) {
		reader_init(&readers[i], j);
		pthread_mutex_lock(&j->lock);
		rc = thread_start(&readers[i].thread, run_reader, &readers[i]);
		if (rc == 0)
			j->n_running++;
		pthread_mutex_unlock(&j->lock);
		n_started += rc == 0;
	}
	if (n > 0 && n_started == 0) {
		struct error e = {0};

		error_set(&e, CODE_MEMORY, "no thread can be started to read the weights: %s", strerror(rc));
		keep(j, &e);
	}
	return n_started;
}

/* As many as there are processors, and no more than N_READERS: eight read 35 GB/s, sixteen 48, thirty-two 45. */
static int
n_readers(const struct job *j)
{
	int n = thread_n_cores();

	n = n < 2 ? 2 : n < N_READERS ? n : N_READERS;
	return j->n_batches < n ? j->n_batches : n;
}

int
cuda_load(struct cuda *c, const struct checkpoint *from, const struct watch *watch, struct error *err)
{
	struct reader readers[N_READERS];
	struct job j;
	int n, rc = -1;

	job_init(&j, c, from);
	watch_report(watch, STAGE_LOAD, 0, j.total);
	n = start(&j, readers, n_readers(&j));
	attend_to(&j, watch);
	for (int i = 0; i < n; i++)
		pthread_join(readers[i].thread, NULL);
	if (j.failed && err)
		*err = j.failure;
	else if (watch_stopped(watch))
		error_set(err, CODE_SIGINT, "stopped while loading the model");
	else if (!j.failed)
		rc = 0;
	if (rc == 0)
		watch_report(watch, STAGE_LOAD, j.total, j.total);
	job_done(&j);
	return rc;
}
