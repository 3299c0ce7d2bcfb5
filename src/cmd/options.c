/* options.c: the command line. One table names every option, its value, range, default, groups and help
 * line; parsing, --help and the manual read it. It prints nothing and opens nothing but the config file and
 * the @FILE of a system message. */
#include "config.h"

#include "cmd/options.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/paths.h"
#include "cmd/bundled.h"
#include "cmd/nearest.h"
#include "conf/value.h"

#define SYSTEM_MAX (1u << 20)

enum kind { KIND_FLAG, KIND_WHOLE, KIND_SEED, KIND_REAL, KIND_WORD, KIND_GPUS, KIND_LIST };

struct row {
	char letter;            /* 0: none */
	const char *name, *arg; /* arg NULL: a flag */
	enum kind kind;
	size_t at;              /* offset of the value in struct options */
	size_t set;             /* offset of the bool that tells it was given, or 0; LIST: of the count */
	double least, most;     /* WHOLE, REAL */
	const char *choices;    /* WORD: "auto sixel …", or NULL for any */
	unsigned groups;        /* 0: every command */
	const char *help;
};

#define AT(field) offsetof(struct options, field)
#define SET(field) offsetof(struct options, field##_set)

/* All of a row but groups and help. _SET: telling a given value from the default matters. */
#define FLAG(letter, name, field) letter, name, NULL, KIND_FLAG, AT(field), 0, 0, 0, NULL
#define WORD(letter, name, arg, field) letter, name, arg, KIND_WORD, AT(field), 0, 0, 0, NULL
#define WORD_SET(letter, name, arg, field) \
	letter, name, arg, KIND_WORD, AT(field), SET(field), 0, 0, NULL
#define GPUS(letter, name, arg, field) letter, name, arg, KIND_GPUS, AT(field), 0, 0, 0, NULL
#define LIST(letter, name, arg, field) letter, name, arg, KIND_LIST, AT(field), AT(n_##field), 0, 0, NULL
#define CHOICE(name, arg, field, choices) 0, name, arg, KIND_WORD, AT(field), 0, 0, 0, choices
#define WHOLE(letter, name, arg, field, least, most) \
	letter, name, arg, KIND_WHOLE, AT(field), 0, least, most, NULL
#define WHOLE_SET(letter, name, arg, field, least, most) \
	letter, name, arg, KIND_WHOLE, AT(field), SET(field), least, most, NULL
#define REAL(name, arg, field, least, most) 0, name, arg, KIND_REAL, AT(field), 0, least, most, NULL
#define REAL_SET(letter, name, arg, field, least, most) \
	letter, name, arg, KIND_REAL, AT(field), SET(field), least, most, NULL
#define SEED_SET(letter, name, arg, field) letter, name, arg, KIND_SEED, AT(field), SET(field), 0, 0, NULL

static const struct row rows[] = {
	{WORD('m', "model", "DIR", model), OPT_MODEL | OPT_BENCH,
	    "model folder (default: $IVCHAT_MODEL, else the small built-in one)"},
	{CHOICE("quant", "KIND", quant, "auto bf16 fp8 int8 int4"), OPT_MODEL,
	    "the decoder's weights on GPUs: auto (the largest that fits), bf16, fp8, int8, int4; of model quantize: what it writes"},
	{GPUS('g', "gpus", "LIST", gpus), OPT_MODEL | OPT_BENCH,
	    "GPUs to use, 0 or 0,1; none: the CPU (default: auto, as few as it takes)"},
	{WHOLE(0, "ctx", "N", ctx, 16, 1 << 20), OPT_MODEL | OPT_BENCH,
	    "context limit in tokens (default: the model's own)"},
	{WHOLE(0, "threads", "N", threads, 1, 1024), OPT_MODEL | OPT_BENCH, "CPU threads (default: all cores)"},
	{CHOICE("guess", "HOW", guess, "auto off on"), OPT_MODEL | OPT_BENCH,
	    "tokens that the text makes likely are computed ahead: auto (default: on GPUs, while it pays), off, on"},

	{LIST('i', "image", "FILE", images), OPT_PICTURE, "attach a picture; may be repeated; - is stdin"},
	{CHOICE("orient", "HOW", orient, "apply ignore"), OPT_PICTURE | OPT_REPLAY | OPT_BATCH,
	    "EXIF orientation of pictures: apply (default), ignore"},

	{WORD(0, "preset", "NAME", preset), OPT_TALK, "a preset of the config file: system message and sampling"},
	{WORD_SET('S', "system", "TEXT", system), OPT_TALK,
	    "system message; @FILE reads it; empty: none (default: the model's)"},
	{WHOLE_SET('n', "max-tokens", "N", max_tokens, 1, 1 << 20), OPT_TALK,
	    "longest answer (default: 512)"},
	{REAL_SET('t', "temp", "X", temp, 0, 100), OPT_TALK, "temperature; 0 = greedy (default: 0)"},
	{REAL_SET(0, "top-p", "X", top_p, 0, 1), OPT_TALK,
	    "keep the likeliest tokens up to this sum (default: 1, all)"},
	{WHOLE_SET(0, "top-k", "N", top_k, 0, 1 << 20), OPT_TALK,
	    "keep the N likeliest tokens (default: 0, all)"},
	{REAL_SET(0, "repeat-penalty", "X", repeat_penalty, 0.01, 100), OPT_TALK,
	    "divide the logits of what was said by this (default: 1, off)"},
	{SEED_SET(0, "seed", "N", seed), OPT_TALK | OPT_SYNTH,
	    "of the random choices (default: random, recorded; of model synth: 0)"},

	{FLAG('c', "continue", go_on), OPT_SESSION, "go on with the session used last"},
	{WORD('s', "session", "WHICH", session), OPT_SESSION,
	    "go on with this one: id or its beginning, name, last, last~2"},
	{WORD(0, "name", "NAME", name), OPT_SESSION | OPT_REPLAY, "name of the session"},
	{FLAG(0, "no-save", no_save), OPT_SESSION | OPT_REPLAY, "keep nothing on disk"},

	{CHOICE("images", "MODE", image_mode, "auto sixel blocks none"), OPT_SCREEN | OPT_REPLAY,
	    "how pictures are drawn: auto, sixel, blocks, none (default: $IVCHAT_IMAGES, else auto)"},
	{CHOICE("theme", "NAME", theme, "auto dark light mono"), OPT_SCREEN | OPT_REPLAY,
	    "colours: auto, dark, light, mono"},
	{FLAG(0, "ascii", ascii), OPT_SCREEN | OPT_REPLAY, "marks and rules in ASCII only"},
	{WORD(0, "say", "TEXT", say), OPT_SCREEN, "send TEXT first, then stay"},
	{FLAG(0, "demo", demo), OPT_SCREEN, "a sample picture and a first question to it: Enter asks"},
	{FLAG(0, "plain", plain), OPT_SCREEN,
	    "line by line: no full screen, no escape codes (also TERM=dumb, ACCESSIBLE=1)"},

	{FLAG(0, "json", json), OPT_ASK | OPT_LIST | OPT_TOKENIZE | OPT_REPLAY | OPT_SEARCH | OPT_BENCH, "as JSON"},
	{FLAG(0, "stream-json", stream_json), OPT_ASK, "one JSON event a line, as it comes"},
	{FLAG(0, "no-stream", no_stream), OPT_ASK, "the answer at once, when it is whole"},
	{WORD('o', "output", "FILE", out), OPT_ASK | OPT_BATCH, "the answer into FILE instead of standard output"},
	{FLAG(0, "prompt-ids", prompt_ids), OPT_ASK, "JSON also holds the prompt's token ids"},
	{WHOLE(0, "logprobs", "N", logprobs, 1, 20), OPT_ASK,
	    "JSON also holds log probabilities and the N best of every token; at most 20"},
	{WORD(0, "messages", "FILE", messages), OPT_ASK,
	    "conversation so far and question: [{\"role\", \"content\"}, …]; - is stdin"},
	{FLAG(0, "reference", reference), OPT_ASK | OPT_BATCH,
	    "exactly as the model's authors' chat(): <image> marks filled, greedy, not stored"},

	{WHOLE(0, "limit", "N", limit, 1, 1 << 30), OPT_LIST | OPT_SEARCH, "the N newest only"},
	{WORD(0, "tag", "T", tag), OPT_LIST | OPT_SEARCH, "sessions with this tag only"},
	{FLAG(0, "check", check), OPT_LIST, "verify session files and pictures; one line a problem"},
	{WHOLE(0, "turn", "N", turn, 1, 1 << 30), OPT_SHOW | OPT_REPLAY, "the Nth question and its answer only"},
	{FLAG(0, "raw", raw), OPT_SHOW, "the texts alone, without labels, pictures and marks"},

	{FLAG('f', "force", force), OPT_RM, "do not ask"},
	{FLAG(0, "restore", restore), OPT_RM, "take sessions out of the trash again"},
	{FLAG(0, "empty-trash", empty_trash), OPT_RM, "remove what is in the trash for good"},
	{FLAG(0, "gc", gc), OPT_RM, "remove pictures that no session names, the trash included"},

	{FLAG(0, "ignore-case", ignore_case), OPT_SEARCH,
	    "capitals are as small letters (default unless PATTERN has a capital)"},
	{FLAG(0, "case", match_case), OPT_SEARCH, "capitals differ from small letters"},
	{FLAG('E', "extended", extended), OPT_SEARCH, "PATTERN is a POSIX extended regular expression"},
	{FLAG('w', "word", word), OPT_SEARCH, "whole words only"},
	{FLAG('l', "list", only_sessions), OPT_SEARCH, "ids and names of the sessions, not the lines"},
	{WHOLE(0, "context", "N", context, 0, 1000), OPT_SEARCH, "N lines of the message around each"},
	{CHOICE("role", "WHO", role, "user answer note"), OPT_SEARCH, "only what these say: user, answer, note"},
	{WORD(0, "since", "DATE", since), OPT_SEARCH,
	    "said on this day or later, in UTC: 2026, 2026-08 or 2026-08-23"},
	{WORD(0, "until", "DATE", until), OPT_SEARCH, "said on this day or earlier"},
	{LIST('i', "image", "FILE", images), OPT_SEARCH, "sessions with the very picture in FILE"},

	{CHOICE("format", "F", format, "md html json txt cast"), OPT_EXPORT,
	    "md, html, json, txt, cast (default: by FILE's suffix, else md)"},
	{CHOICE("branch", "WHICH", branches, "current all"), OPT_EXPORT,
	    "current (default) or all of them; json always has all"},
	{WORD('o', "output", "FILE", out), OPT_EXPORT, "into FILE instead of standard output"},
	{FLAG(0, "embed", embed), OPT_EXPORT, "pictures inside md and json (html always has them)"},
	{FLAG('f', "force", force), OPT_EXPORT, "overwrite files that are there"},

	{FLAG(0, "no-bos", no_bos), OPT_TOKENIZE, "no beginning-of-sequence token in front"},
	{FLAG(0, "decode", decode), OPT_TOKENIZE, "ids to text"},

	{REAL("speed", "X", speed, 0, 1000), OPT_REPLAY, "times as fast as it happened; 0: at once (default: 1)"},
	{REAL("idle-limit", "S", idle_limit, 0, 86400), OPT_REPLAY,
	    "no pause is longer than S seconds (default: 2)"},
	{WHOLE(0, "from", "TURN", from, 1, 1 << 30), OPT_REPLAY, "begin with this turn"},
	{WHOLE(0, "to", "TURN", to, 1, 1 << 30), OPT_REPLAY, "end with this turn"},
	{FLAG(0, "loop", loop), OPT_REPLAY, "at its end, begin again"},
	{WHOLE(0, "branch", "N", branch, 1, 1 << 30), OPT_REPLAY,
	    "the Nth branch, counted as they came about (default: the current one)"},
	{FLAG(0, "run", again), OPT_REPLAY,
	    "answer every question again, by this engine; what is not given is as recorded"},
	{CHOICE("history", "HOW", history, "recorded new"), OPT_REPLAY,
	    "--run: what each turn gets as its past, the recorded (default) or the new answers"},
	{FLAG(0, "diff", diff), OPT_REPLAY, "--run: print what changed, word by word"},
	{FLAG(0, "verify", verify), OPT_REPLAY,
	    "compute every answer again, exactly as it was, and compare token by token"},

	{WORD(0, "images-root", "DIR", images_root), OPT_BATCH, "where relative names of pictures begin"},
	{WORD(0, "map", "MAP", map), OPT_BATCH,
	    "names of keys: id=question_id,image=file,text=question,out=answer"},
	{WORD(0, "suffix", "TEXT", suffix), OPT_BATCH, "put after every question"},
	{WORD(0, "shard", "K/N", shard), OPT_BATCH, "every Nth line only, from the Kth on"},
	{WHOLE(0, "jobs", "N", jobs, 1, 1024), OPT_BATCH,
	    "answers at a time: on the CPU together, on GPUs in turn, pictures being read meanwhile (default: 1)"},
	{FLAG(0, "keep", keep), OPT_BATCH, "keep every line as a session"},

	{WORD(0, "quant", "LIST", quant), OPT_BENCH,
	    "the decoder's weights on GPUs, one run each: bf16,fp8,int8,int4 (default: auto)"},
	{WORD(0, "random-weights", "SHAPE", random_weights), OPT_BENCH,
	    "weights made up on the GPU, nothing is read: 40b (InternVL-Chat-V1.2-Plus), or a folder with a config.json"},
	{WHOLE(0, "runs", "N", runs, 5, 64), OPT_BENCH, "runs of each figure, after two of warm-up (default: 5)"},
	{WORD(0, "only", "LIST", only), OPT_BENCH, "some of tg,pp,vit,ttft,spec,repeat,agree,load"},
	{FLAG(0, "tune", tune), OPT_BENCH, "find the fastest products for this card, as lines of engine/cuda/gemm_table.c"},

	{LIST(0, "set", "KEY=VALUE", sets), 0,
	    "any key of ivchat-config(5); may be repeated"},
	{FLAG(0, "full", full), OPT_SYNTH,
	    "of model check: read every file, print its SHA-256, and compare it with what its download said"},
	{WORD(0, "shape", "SHAPE", shape), OPT_SYNTH,
	    "of model synth: 40b (default), or a folder whose config.json says it"},
	{FLAG(0, "keys", keys), OPT_DOCTOR, "show what each key sends, until q"},
	{FLAG(0, "man", man), OPT_HELP, "keys, slash, settings: as mdoc(7) source, for the manual"},

	{FLAG('q', "quiet", quiet), 0, "errors only on standard error"},
	{FLAG('v', "verbose", verbose), 0, "times and figures on standard error, and in the log"},
	{FLAG('h', "help", help), 0, "print this and end"},
	{FLAG('V', "version", version), 0, "print version, backends (CUDA: which cards) and picture formats and end"},
};

#define N_ROWS (sizeof rows / sizeof *rows)

struct parse {
	struct options *o;
	unsigned groups;
	int argc, i;
	char **argv;
	struct error *err;
};

static bool
taken(const struct row *row, unsigned groups)
{
	return row->groups == 0 || (row->groups & groups);
}

/* ---- finding a row */

static const struct row *
find_letter(char letter, unsigned groups)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (rows[i].letter == letter && taken(&rows[i], groups))
			return &rows[i];
	return NULL;
}

/* The whole name, or the only one that begins so. *several tells why it is NULL. */
static const struct row *
find_name(const char *name, size_t n, unsigned groups, const struct row **several)
{
	const struct row *found = NULL;

	*several = NULL;
	for (size_t i = 0; n > 0 && i < N_ROWS; i++) {
		if (!taken(&rows[i], groups) || strncmp(rows[i].name, name, n) != 0)
			continue;
		if (rows[i].name[n] == '\0')
			return &rows[i];
		if (found && !*several)
			*several = found;
		found = &rows[i];
	}
	return *several ? NULL : found;
}

static const struct row *
find_nearest(const char *name, unsigned groups)
{
	const struct row *best = NULL;

	for (size_t i = 0; i < N_ROWS; i++)
		if (taken(&rows[i], groups) && nearest_is_close(name, rows[i].name) &&
		    (!best || nearest_distance(name, rows[i].name) < nearest_distance(name, best->name)))
			best = &rows[i];
	return best;
}

static int
unknown_letter(char letter, struct error *err)
{
	const struct row *other = find_letter(letter, ~0u);

	if (other)
		return error_set(err, CODE_USAGE, "option '-%c' (--%s) does not go with this command", letter,
		    other->name);
	return error_set(err, CODE_USAGE, "unknown option '-%c'", letter);
}

static int
unknown_name(const struct parse *p, const char *word, size_t n, const struct row *several)
{
	char *name = xstrndup(word, n);
	const struct row *other, *near = find_nearest(name, p->groups), *ambiguous;

	other = find_name(name, n, ~0u, &ambiguous);
	if (several)
		error_set(p->err, CODE_USAGE, "option '--%s' is not clear: --%s or another one", name,
		    several->name);
	else if (other)
		error_set(p->err, CODE_USAGE, "option '--%s' does not go with this command", other->name);
	else
		error_set(p->err, CODE_USAGE, "unknown option '--%s'", name);
	if (near && !several && !other)
		error_hint(p->err, "--%s", near->name);
	free(name);
	return -1;
}

/* ---- giving a value */

static void *
field(const struct parse *p, size_t offset)
{
	return (char *)p->o + offset;
}

static int
bad_value(const struct parse *p, const struct row *row, const char *value)
{
	if (row->choices)
		return error_set(p->err, CODE_USAGE,
		    "--%s '%s': must be one of: %s", row->name, value, row->choices);
	if (row->kind == KIND_SEED)
		return error_set(p->err, CODE_USAGE,
		    "--%s '%s': must be a whole number from 0 on", row->name, value);
	if (row->kind == KIND_GPUS)
		return error_set(p->err, CODE_USAGE,
		    "--%s '%s': must be auto, none, or numbers of GPUs such as 0 or 0,1", row->name, value);
	return error_set(p->err, CODE_USAGE, "--%s '%s': must be a %snumber from %g to %.10g", row->name,
	    value, row->kind == KIND_WHOLE ? "whole " : "", row->least, row->most);
}

static int
give_whole(const struct parse *p, const struct row *row, const char *value)
{
	bool good = value_whole(value, row->least, row->most, field(p, row->at));

	return good ? 0 : bad_value(p, row, value);
}

static int
give_seed(const struct parse *p, const struct row *row, const char *value)
{
	return value_seed(value, field(p, row->at)) ? 0 : bad_value(p, row, value);
}

static int
give_real(const struct parse *p, const struct row *row, const char *value)
{
	bool good = value_real(value, row->least, row->most, field(p, row->at));

	return good ? 0 : bad_value(p, row, value);
}

static int
give_word(const struct parse *p, const struct row *row, const char *value)
{
	if (row->choices && !value_is_choice(row->choices, value))
		return bad_value(p, row, value);
	*(const char **)field(p, row->at) = value;
	return 0;
}

static int
give_gpus(const struct parse *p, const struct row *row, const char *value)
{
	int gpus[VALUE_MAX_GPUS], n;

	if (!value_gpus(value, gpus, &n))
		return bad_value(p, row, value);
	*(const char **)field(p, row->at) = value;
	return 0;
}

static void
add_to_list(const struct parse *p, const struct row *row, const char *value)
{
	const char ***list = field(p, row->at);
	int *n = field(p, row->set);

	*list = xreallocarray(*list, (size_t)*n + 1, sizeof **list);
	(*list)[(*n)++] = value;
}

static int
give(const struct parse *p, const struct row *row, const char *value)
{
	if (row->set && row->kind != KIND_LIST)
		*(bool *)field(p, row->set) = true;
	switch (row->kind) {
	case KIND_FLAG:
		*(bool *)field(p, row->at) = true;
		return 0;
	case KIND_WHOLE:
		return give_whole(p, row, value);
	case KIND_SEED:
		return give_seed(p, row, value);
	case KIND_REAL:
		return give_real(p, row, value);
	case KIND_WORD:
		return give_word(p, row, value);
	case KIND_GPUS:
		return give_gpus(p, row, value);
	case KIND_LIST:
		add_to_list(p, row, value);
		return 0;
	}
	return 0;
}

/* ---- walking the words */

static void
add_operand(struct options *o, const char *word)
{
	o->operands = xreallocarray(o->operands, (size_t)o->n_operands + 1, sizeof *o->operands);
	o->operands[o->n_operands++] = word;
}

/* The value of an option whose own word ended: the next one. */
static const char *
next_word(struct parse *p, const struct row *row)
{
	if (p->i + 1 < p->argc)
		return p->argv[++p->i];
	error_set(p->err, CODE_USAGE, "--%s needs a value: %s", row->name, row->arg);
	return NULL;
}

static int
parse_long(struct parse *p, const char *word)
{
	size_t n = strcspn(word, "=");
	const struct row *several, *row = find_name(word, n, p->groups, &several);
	const char *value = word[n] ? word + n + 1 : NULL;

	if (!row)
		return unknown_name(p, word, n, several);
	if (!row->arg && value)
		return error_set(p->err, CODE_USAGE, "--%s takes no value", row->name);
	if (row->arg && !value && !(value = next_word(p, row)))
		return -1;
	return give(p, row, value);
}

/* "-q", "-qv", "-n5", "-n 5". */
static int
parse_short(struct parse *p, const char *letters)
{
	for (; *letters; letters++) {
		const struct row *row = find_letter(*letters, p->groups);
		const char *value;

		if (!row)
			return unknown_letter(*letters, p->err);
		if (row->arg) {
			value = letters[1] ? letters + 1 : next_word(p, row);
			return value ? give(p, row, value) : -1;
		}
		give(p, row, NULL);
	}
	return 0;
}

/* `tag WHICH -T`: not letters of options. */
static bool
is_tag_change(const struct parse *p)
{
	return (p->groups & OPT_TAGS) && p->o->n_operands > 0;
}

static int
parse_words(struct parse *p)
{
	bool options = true;

	for (p->i = 0; p->i < p->argc; p->i++) {
		const char *word = p->argv[p->i];
		int failed = 0;

		if (options && strcmp(word, "--") == 0)
			options = false;
		else if (options && strncmp(word, "--", 2) == 0)
			failed = parse_long(p, word + 2);
		else if (options && word[0] == '-' && word[1] && !is_tag_change(p))
			failed = parse_short(p, word + 1);
		else
			add_operand(p->o, word);
		if (failed)
			return -1;
	}
	return 0;
}

/* ---- defaults, and what follows from the values */

struct owned {
	char *system, *model;
	struct conf conf;
};

static const struct options defaults = {
	.max_tokens = 512, .top_p = 1, .repeat_penalty = 1, .image_mode = "auto", .theme = "auto", .quant = "auto", .gpus = "auto",
	.guess = "auto", .speed = 1, .idle_limit = 2, .jobs = 1, .runs = 5,
};

/* A text file as editors leave it: the newline at its end is not part of the message. */
static int
read_system(struct options *o, struct error *err)
{
	struct owned *owned = o->owned;
	struct buf text = {0};
	char *path;
	int failed;

	if (!o->system || o->system[0] != '@')
		return 0;
	path = file_expand_home(o->system + 1);
	failed = file_read(path, SYSTEM_MAX, &text, CODE_INPUT, err);
	free(path);
	if (text.n > 0 && text.at[text.n - 1] == '\n')
		buf_cut(&text, text.n - 1);
	o->system = owned->system = buf_take(&text);
	return failed;
}

static void
choose_model(struct options *o)
{
	struct owned *owned = o->owned;

	if (o->model)
		return;
	o->model = owned->model = bundled_model();
	o->model_is_bundled = true;
}

static int
choose_image_mode(const struct parse *p)
{
	const struct row *several, *row = find_name("images", 6, OPT_SCREEN, &several);
	const char *env = getenv("IVCHAT_IMAGES");

	if (!(p->groups & (OPT_SCREEN | OPT_REPLAY)) || p->o->image_mode != defaults.image_mode || !env || !env[0])
		return 0;
	if (give_word(p, row, env) == 0)
		return 0;
	return error_set(p->err, CODE_USAGE, "IVCHAT_IMAGES is '%s': must be one of: %s", env, row->choices);
}

/* ---- settings */

static bool
uses_conf(const struct options *o, unsigned groups)
{
	return groups != 0 && !o->help && !o->version;
}

/* Without a place for files there is no config file either. */
static int
read_conf(const struct options *o, struct conf *conf, struct error *err)
{
	struct paths paths = {0};
	int failed = 0;

	if (paths_init(&paths, NULL) == 0)
		conf_load(conf, &paths);
	paths_done(&paths);
	if (o->preset)
		failed = conf_use_preset(conf, o->preset, err);
	for (int i = 0; i < o->n_sets && !failed; i++)
		failed = conf_set(conf, o->sets[i], err);
	return failed;
}

static void
take_talk(struct options *o, const struct conf *c)
{
	o->system = c->system;
	o->max_tokens = c->max_tokens;
	o->temp = c->temp;
	o->top_p = c->top_p;
	o->top_k = c->top_k;
	o->repeat_penalty = c->repeat_penalty;
	o->seed = c->seed;
	o->seed_set = c->seed_set;
}

static void
take_rest(struct options *o, const struct conf *c)
{
	o->model = c->model_dir;
	o->quant = c->quant;
	o->gpus = c->gpus;
	o->ctx = c->ctx;
	o->threads = c->threads;
	o->guess = c->guess;
	o->orient = c->orient;
	o->image_mode = c->image_mode;
	o->theme = c->theme;
	o->ascii = c->ascii;
}

static void
forget_words(struct options *o)
{
	free(o->images);
	free(o->operands);
	free(o->sets);
}

/* The words once more, over what the settings say. --reference is what the authors' program does, whatever the
 * settings are. */
static int
parse_over_conf(struct parse *p, const struct conf *c)
{
	struct options *o = p->o;
	void *owned = o->owned;
	bool reference = o->reference;

	forget_words(o);
	*o = defaults;
	o->owned = owned;
	o->conf = c;
	take_rest(o, c);
	if (!reference)
		take_talk(o, c);
	p->i = 0;
	if (parse_words(p) < 0)
		return -1;
	o->system_is_usual = !o->system_set && !conf_system_is_given(c);
	return 0;
}

int
options_parse(struct options *o, unsigned groups, int argc, char **argv, struct error *err)
{
	struct parse p = {.o = o, .groups = groups, .argc = argc, .argv = argv, .err = err};
	struct owned *owned = xcalloc(1, sizeof *owned);

	*o = defaults;
	o->owned = owned;
	o->conf = &owned->conf;
	conf_init(&owned->conf);
	if (parse_words(&p) < 0)
		return -1;
	if (uses_conf(o, groups) &&
	    (read_conf(o, &owned->conf, err) < 0 || parse_over_conf(&p, &owned->conf) < 0))
		return -1;
	if (choose_image_mode(&p) < 0 || read_system(o, err) < 0)
		return -1;
	o->orient_ignore = o->orient && strcmp(o->orient, "ignore") == 0;
	choose_model(o);
	return 0;
}

void
options_done(struct options *o)
{
	struct owned *owned = o->owned;

	if (owned) {
		conf_done(&owned->conf);
		free(owned->system);
		free(owned->model);
		free(owned);
	}
	forget_words(o);
	*o = (struct options){0};
}

/* ---- help, and the subcommand's place */

void
options_print(unsigned groups, FILE *file)
{
	char left[64];

	for (size_t i = 0; i < N_ROWS; i++) {
		const struct row *row = &rows[i];

		if (!taken(row, groups))
			continue;
		snprintf(left, sizeof left, "%c%c%s --%s %s", row->letter ? '-' : ' ',
		    row->letter ? row->letter : ' ', row->letter ? "," : " ", row->name,
		    row->arg ? row->arg : "");
		fprintf(file, "  %-26s %s\n", left, row->help);
	}
}

bool
options_info(int i, struct option_info *out)
{
	const struct row *row = &rows[i];

	if (i < 0 || (size_t)i >= N_ROWS)
		return false;
	*out = (struct option_info){row->letter, row->name, row->arg, row->choices, row->help,
	    row->kind == KIND_LIST, row->groups};
	return true;
}

bool
options_take(const struct option_info *option, unsigned groups)
{
	return option->groups == 0 || (option->groups & groups);
}

/* True if the option in this word takes the next word as its value. */
static bool
takes_next(const char *word)
{
	const struct row *row = NULL, *several;

	if (word[1] == '-')
		row = strchr(word, '=') ? NULL : find_name(word + 2, strlen(word + 2), ~0u, &several);
	for (const char *letter = word + 1; word[1] != '-' && *letter; letter++) {
		row = find_letter(*letter, ~0u);
		if (row && row->arg)
			return !letter[1];
	}
	return row && row->arg;
}

int
options_first_operand(int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0)
			return -1;
		if (argv[i][0] != '-' || !argv[i][1])
			return i;
		i += takes_next(argv[i]);
	}
	return -1;
}
