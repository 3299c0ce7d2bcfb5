/* engine.h: the door of engine/. It computes what InternVL-Chat computes; it knows no terminal, no conversation and
 * no thread of ours, never prints and never exits.
 *
 * Order of calls:
 *
 *     card_open            what a model folder says of itself: config, tokenizer, template, limits (milliseconds)
 *     pixels_make          a decoded picture → the square that the vision tower sees
 *     prompt_build         messages and pictures → ids with picture places
 *     engine_open          weights, mapped or loaded (may take long; reports progress, can be stopped)
 *     context_new          one timeline of tokens: KV cache and the logits at its end
 *     context_sync         make the timeline hold exactly this prompt, computing only what is new
 *     context_step …       choose the next token; repeat until a stop id
 *     context_free, engine_free, prompt_done, card_free
 *
 * The pure half (card, tokenizer, pixels, prompt) may be used from any thread; its objects are constant once made.
 * The running half (engine, context) belongs to one thread.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

/* ---------------------------------------------------------------- the card (pure half) */

/* Decoding settings; the defaults of a model come from its generation_config.json. */
struct sampling {
	float temp;             /* 0: greedy */
	float top_p;            /* 1: off */
	int top_k;              /* 0: off */
	float repeat_penalty;   /* 1: off; counts generated ids only, as the official path does */
	uint64_t seed;
};

#define CARD_MAX_STOPS 8

/* What the rest of the program may know of a model. Lent by card_info() for the card's life. */
struct card_info {
	const char *dir;                /* the folder, as given */
	const char *name;               /* last part of the folder's path */
	const char *template_name;      /* "Hermes-2" */
	const char *system_message;     /* the model's own */
	int image_size;                 /* pixels a side: 448 */
	int n_image_tokens;             /* places a picture takes in the prompt: 256 */
	int n_ctx_max;                  /* max_position_embeddings: 4096 */
	int vocab_size;
	long long n_params;             /* from the shapes that the config implies */
	int n_stops;                    /* generation ends at any of these ids */
	int32_t stops[CARD_MAX_STOPS];
	struct sampling defaults;       /* greedy unless generation_config.json says do_sample */
	bool text_only;                 /* a plain Llama folder (LlamaForCausalLM): no vision tower, no template */
	const char *stored;             /* how quantize_write has packed its weights: "fp8", "int8", "int4"; NULL: plain */
};

struct card;

/* Reads config.json, generation_config.json, preprocessor_config.json and the tokenizer files of a published folder.
 * Weights are not opened. Failure: CODE_MODEL, naming file and key. A folder whose architecture is LlamaForCausalLM
 * opens too (text_only): its prompt is plain text. */
struct card *
card_open(const char *dir, struct error *err);
void
card_free(struct card *card);
const struct card_info *
card_info(const struct card *card);

/* SHA-256 in hex of config.json and of every shard's header and size: names the weights without reading them.
 * Computed when asked (opens each shard). out gets 64 characters and NUL. */
int
card_digest(const struct card *card, char out[65], struct error *err);

/* Opens every shard header and compares names, shapes and types with what the model needs: 0, or CODE_MODEL naming
 * the first tensor that is wrong. *bytes (may be NULL) gets the size of the weights in the files. */
int
card_check(const struct card *card, long long *bytes, struct error *err);

/* ---------------------------------------------------------------- the tokenizer (pure half) */

struct ids {
	int32_t *at;
	size_t n, cap;
};

void
ids_add(struct ids *ids, int32_t id);
void
ids_done(struct ids *ids);

struct tokenizer;

/* Needs only tokenizer.model, and of added_tokens.json, tokenizer_config.json and special_tokens_map.json what is there. */
struct tokenizer *
tokenizer_open(const char *dir, struct error *err);
void
tokenizer_free(struct tokenizer *t);
const struct tokenizer *
card_tokenizer(const struct card *card);

int
tokenizer_n_ids(const struct tokenizer *t);     /* pieces and added tokens; every valid id is below it */

/* The id of an added token or piece spelled exactly so, or -1. */
int32_t
tokenizer_find(const struct tokenizer *t, const char *token);

/* Text (any bytes, NUL included) → ids, appended: split at added tokens, then sentencepiece BPE on every segment,
 * a BOS in front if the tokenizer adds one and bos is true (model.md section 7.2). */
void
tokenizer_encode(const struct tokenizer *t, const char *text, size_t n, bool bos, struct ids *out);

/* The raw bytes of one id, appended: byte pieces give their byte, control tokens nothing; special added tokens give
 * nothing when skip_special. Ids out of range give nothing. */
void
tokenizer_piece(const struct tokenizer *t, int32_t id, bool skip_special, struct buf *out);

/* Ids → text: bytes joined, the dummy prefix dropped, bad UTF-8 as U+FFFD; not stripped. */
void
tokenizer_decode(const struct tokenizer *t, const int32_t *ids, size_t n, bool skip_special, struct buf *out);

/* A reply decoded while it streams: whole characters only, white space at both ends held back as the official
 * chat() strips it. The concatenation of all that push and finish append is the stripped decoding of all ids. */
struct stream {
	const struct tokenizer *tokenizer;
	struct buf held;        /* bytes of an unfinished character, or white space that may prove trailing */
	bool started;           /* a non-space character has been given out */
};

void
stream_init(struct stream *s, const struct tokenizer *t);
void
stream_push(struct stream *s, int32_t id, struct buf *out);
void
stream_finish(struct stream *s, struct buf *out);       /* also frees */

/* ---------------------------------------------------------------- pictures (pure half) */

#define PIXELS_KEY 32

/* What the vision tower sees of a picture: a square of 8-bit RGB, and a name: the SHA-256 of its size and of the SHA-256
 * of each sixteenth of its rows. */
struct pixels {
	int size;               /* S */
	uint8_t *rgb;           /* [S, S, 3], owned */
	uint8_t key[PIXELS_KEY];
};

/* Resizes rgb [height, width, 3] to S x S exactly as Pillow's bicubic does (model.md section 3). CODE_MEMORY or
 * CODE_INPUT (a side below 1) on failure. */
int
pixels_make(struct pixels *p, int size, const uint8_t *rgb, int width, int height, struct error *err);
void
pixels_copy(struct pixels *to, const struct pixels *from);
void
pixels_done(struct pixels *p);

/* The resize alone, to any size; out is [out_height, out_width, 3]. */
int
pixels_resize(uint8_t *out, int out_width, int out_height, const uint8_t *rgb, int width, int height, struct error *err);

/* ---------------------------------------------------------------- the prompt (pure half) */

enum role { ROLE_SYSTEM, ROLE_USER, ROLE_ANSWER };

/* One message, lent during prompt_build(). Pictures belong to user messages. */
struct turn {
	enum role role;
	const char *text;
	size_t text_n;
	const struct pixels *const *pixels;     /* n_pixels of them, in order */
	int n_pixels;
};

/* Where pictures stand in a text. */
enum picture_rule {
	PICTURES_FIRST,         /* each turn's pictures in one tag and a newline before its text; "<image>" is plain text */
	PICTURES_REFERENCE,     /* the official chat(): "<image>" in user texts is filled in order; a first question
	                           without one gets "<image>\n" in front, all its pictures in that one tag; a lone
	                           "<image>" takes all pictures, of several each takes one */
};

struct prompt_picture {
	size_t pos;             /* index in ids of its first place */
	int n_tokens;
	struct pixels pixels;   /* owned copy */
};

/* Ids and pictures; a value that owns all it names, so it can be handed to another thread whole. */
struct prompt {
	struct ids ids;
	struct prompt_picture *pictures;
	int n_pictures;
};

/* Assembles the conversation as the official code does, byte for byte (model.md section 8), and tokenizes it. The
 * last turn is the question; an answer as the last turn is left open, to be continued. system NULL: the model's own;
 * "": none. Failure (CODE_INPUT): a text that spells <IMG_CONTEXT>, more or fewer placeholders than pictures. */
int
prompt_build(struct prompt *out, const struct card *card, const char *system, const struct turn *turns, int n_turns,
    enum picture_rule rule, struct error *err);
void
prompt_done(struct prompt *p);

/* ---------------------------------------------------------------- the plan (pure half) */

#define ENGINE_MAX_GPUS 8

/* How the decoder's matrices are held; the CPU computes with them as they are stored. */
enum engine_quant {
	ENGINE_AUTO,            /* on GPUs the largest that fits, BF16 first, then INT8, INT4 */
	ENGINE_BF16, ENGINE_FP8, ENGINE_INT8, ENGINE_INT4,
};

struct engine_options;

/* One GPU's share, in bytes. */
struct plan_gpu {
	int gpu;
	long long free;                 /* now */
	long long weights, kv, work;
};

/* What loading takes, in bytes, from the headers of the files. On GPUs the sums are over all of them. */
struct plan {
	int n_ctx, n_threads;           /* as they would be */
	long long weights;              /* CPU: as they are stored, mapped from the files */
	long long kv, work;             /* keys and values of n_ctx tokens; all other memory */
	long long available;            /* memory that can be had now, files in memory counted in; -1: not known */
	int n_gpus;                     /* 0: the CPU computes */
	struct plan_gpu gpus[ENGINE_MAX_GPUS];
	enum engine_quant quant;        /* on GPUs; never AUTO */
	long long margin;               /* that must stay free on a GPU */
	struct error refusal;           /* GPUs: why it does not fit, and what would; code 0: it fits */
};

int
plan_make(struct plan *p, const struct card *card, const struct engine_options *options, struct error *err);
/* The most tokens of context that fit; 0: none. */
int
plan_most_ctx(const struct plan *p);

/* ---------------------------------------------------------------- made-up checkpoints (pure half) */

struct watch;

struct synth {
	const char *dir;                /* new, or empty */
	const char *shape;              /* "40b": InternVL-Chat-V1.2-Plus; or a folder whose config.json says it */
	const char *tokenizer;          /* the folder whose tokenizer files are copied */
	uint64_t seed;
	uint64_t shard_bytes;           /* the most of weights in one file; 0: 5 GB, as published */
	int n_threads;                  /* 0: all cores */
};

struct synth_report {
	long long bytes;                /* of weights */
	int n_shards;
};

/* Writes a whole folder in the published layout, random bfloat16 weights in shards: for measuring with files of the
 * true size. The same seed and shape give the same bytes. Progress in bytes (STAGE_LOAD) on the calling
 * thread. On failure (CODE_MODEL: shape or tokenizer; CODE_STORE: no room, not empty, cannot write; CODE_SIGINT:
 * stopped) nothing is left behind. */
int
synth_write(const struct synth *s, const struct watch *watch, struct synth_report *report, struct error *err);

/* ---------------------------------------------------------------- packed checkpoints (pure half) */

struct quantize {
	const char *from;               /* a model folder of plain weights */
	const char *to;                 /* one that is not there, or empty */
	enum engine_quant quant;        /* FP8, INT8, INT4 */
	uint64_t shard_bytes;           /* the most of weights in one file; 0: 5 GB, as published */
	int n_threads;                  /* 0: all cores */
};

struct quantize_report {
	long long from_bytes, bytes;    /* of weights, before and after */
	int n_files;
	double error;                   /* of the packed ones: root of the sum of squares, over that of the weights */
};

/* Writes the model with the decoder's matrices packed, number for number as a GPU would pack them on loading, into a
 * folder that loads by itself: the other weights and small files are copied. Progress in bytes read (STAGE_LOAD) on
 * the calling thread. The folder is made beside its place, as NAME.part, and gets its name when it is whole; on failure
 * (CODE_MODEL: the source, or a weight that is no number; CODE_STORE: no room, cannot write; CODE_SIGINT: stopped)
 * nothing is left behind. */
int
quantize_write(const struct quantize *q, const struct watch *watch, struct quantize_report *report, struct error *err);

/* ---------------------------------------------------------------- the engine (running half, one thread) */

enum stage { STAGE_LOAD, STAGE_PICTURE, STAGE_PREFILL };

/* How long work is watched and stopped. `stop` is looked at between layers, chunks and tokens; `report` may be NULL
 * and is called on the engine's thread. */
struct watch {
	const atomic_bool *stop;
	void (*report)(void *arg, enum stage stage, long long done, long long total);   /* bytes, layers or tokens */
	void *arg;
};

/* Whether tokens that only may come next are computed together with the one that does. It changes no result. */
enum engine_guess {
	ENGINE_GUESS_AUTO,      /* on devices where that costs little, and while it pays */
	ENGINE_GUESS_OFF,
	ENGINE_GUESS_ON,        /* whenever there is a guess */
};

struct engine_options {
	int n_threads;          /* CPU: 0 = all cores */
	int n_ctx;              /* 0 = the model's own limit */
	enum engine_quant quant;
	bool no_gpu;            /* on the CPU, whatever there is */
	int n_gpus;             /* 0: as few of those there are as it takes */
	int gpus[ENGINE_MAX_GPUS];      /* device numbers */
	enum engine_guess guess;        /* of its contexts */
	const char *random_shape;       /* weights made up on the device instead of read: for measuring; NULL: read them */
};

struct engine;

/* Maps or loads the weights; the card must outlive the engine. Failures: CODE_MODEL (shard missing, truncated, wrong
 * shape or type), CODE_MEMORY. Stopped by the watch: NULL with CODE_SIGINT. */
struct engine *
engine_open(const struct card *card, const struct engine_options *options, const struct watch *watch,
    struct error *err);
void
engine_free(struct engine *engine);

/* Whether a GPU has failed in this process for good: CUDA then works again in another only. Any thread. */
bool
engine_is_spoilt(void);

/* "cpu, 2 threads, avx2" and the like; lent for the engine's life. */
const char *
engine_device(const struct engine *engine);

/* The rows that a picture puts into the prompt [n_image_tokens, hidden], computed or taken from the engine's cache of
 * recent pictures. Called by context_sync; calling it early (while the person types) fills the cache. */
int
engine_see(struct engine *engine, const struct pixels *pixels, const struct watch *watch, struct error *err);

struct context;

struct context *
context_new(struct engine *engine, struct error *err);
void
context_free(struct context *ctx);

/* Of a context as from its engine's options, from the next step on. */
void
context_set_guess(struct context *ctx, enum engine_guess how);

/* Since the context was made. */
struct guess_report {
	long long passes;               /* that computed guesses */
	long long guessed, right;       /* tokens: how many were, and how many were chosen then */
};
struct guess_report
context_guesses(const struct context *ctx);

struct sync_report {
	int n_prompt;           /* tokens of the prompt */
	int n_reused;           /* of them, taken from the timeline as it stood */
	int n_pictures_seen;    /* pictures that the tower had to look at */
};

/* An empty timeline: what comes next is computed from nothing, and does not depend on what was there. */
void
context_reset(struct context *ctx);

/* Makes the timeline hold exactly this prompt: keeps the longest common prefix (equal ids, and equal pixels where the
 * ids are picture places), drops the rest, computes what is missing. At least the last token is always computed.
 * Fails with CODE_INPUT when the prompt is empty or longer than the context; with CODE_SIGINT when stopped: what was
 * computed until then stays and is reused by the next call. CODE_ENGINE: the device failed. */
int
context_sync(struct context *ctx, const struct prompt *prompt, const struct watch *watch, struct sync_report *report,
    struct error *err);

/* How a stretch [begin, end) of the timeline was computed. The last bits of a result depend on how many rows went
 * through the products together, so whoever wants the same bits again has to compute by the same stretches. */
enum seg_kind {
	SEG_PREFILL,            /* the first rows of one batch [begin, to); the others were dropped later, or to == end */
	SEG_DECODE,             /* one row at a time; to == end */
};

struct seg {
	enum seg_kind kind;
	int begin, end, to;
};

/* The whole timeline as stretches without gaps, from 0 on. The caller frees *segs; returns how many. */
int
context_segs(const struct context *ctx, struct seg **segs);

/* As context_sync, but every place is (or already was) computed as segs say; they cover the prompt without gaps. Fails
 * with CODE_INPUT where they do not, or where this engine has other limits. */
int
context_sync_as(struct context *ctx, const struct prompt *prompt, const struct seg *segs, int n_segs,
    const struct watch *watch, struct sync_report *report, struct error *err);

int
context_n_ctx(const struct context *ctx);       /* limit in tokens */
int
context_n_used(const struct context *ctx);

/* ---- a timeline in a file, for a later process. What it says of itself is compared on reading: the program's build, the
 * device and how it holds the weights, the weights' files, and of every place its token or the key and row of its
 * picture. A token that was chosen but not computed is not in it. */

long long
context_save_bytes(const struct context *ctx);  /* of the file that context_save would write */

/* Written as PATH.part, which gets its name when it is whole: all of it or nothing; one that a kill left is written
 * over. CODE_INPUT: nothing is computed yet; CODE_STORE: cannot write; CODE_ENGINE: the device failed; CODE_SIGINT:
 * stopped. */
int
context_save(struct context *ctx, const char *path, const struct watch *watch, struct error *err);

/* The timeline becomes that of the file, whose context_sync then keeps what the prompt shares with it. Fails with
 * CODE_INPUT where the file is of anything else than what runs now, torn or longer than the context; also with CODE_STORE
 * (cannot read), CODE_ENGINE, CODE_SIGINT. After a failure the timeline is as it was, or empty. */
int
context_restore(struct context *ctx, const char *path, const struct watch *watch, struct error *err);

struct candidate {
	int32_t id;
	float logprob;          /* log softmax of the raw logits, before any sampling option */
};

#define STEP_MAX_BEST 20

struct step {
	int32_t id;             /* the token chosen */
	float margin;           /* best raw logit minus the second */
	float logprob;          /* of the chosen one; only when n_best was asked for */
	int n_best;
	struct candidate best[STEP_MAX_BEST];
};

struct sampler;

/* A sampler remembers what it has chosen (for the repetition penalty) and its random stream. */
struct sampler *
sampler_new(const struct sampling *how, int vocab_size);
/* For measuring: takes these ids one after the other whatever the logits are, then the likeliest. */
struct sampler *
sampler_given(const int32_t *ids, size_t n, int vocab_size);
void
sampler_free(struct sampler *s);
/* As if it had chosen id (for the repetition penalty): of an answer that goes on. */
void
sampler_remember(struct sampler *s, int32_t id);

/* Chooses the next token of the timeline (running the one chosen before first, so a stop token costs nothing) and
 * makes it pending. n_best > 0 also fills the log probabilities. Fails with CODE_INPUT when the context is full,
 * CODE_ENGINE when the device failed. */
int
context_step(struct context *ctx, struct sampler *sampler, int n_best, struct step *out, struct error *err);

/* The raw logits at the end of the timeline [vocab_size]: lent until the next call on the context. For tests. */
const float *
context_logits(struct context *ctx, struct error *err);

#endif
