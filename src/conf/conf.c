/* conf.c: see conf.h. The table of keys, and values given to them. The invariant: every field always holds a value that
 * its key allows, and origins says of each where it came from. */
#include "config.h"

#include "conf/conf.h"

#include <assert.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/log.h"
#include "conf/internal.h"
#include "conf/value.h"

#define MAX_WARNINGS 20

enum kind { KIND_WHOLE, KIND_REAL, KIND_SEED, KIND_SPAN, KIND_SIZE, KIND_SWITCH, KIND_CHOICE, KIND_TEXT, KIND_PATH,
	KIND_GPUS };

struct key {
	const char *name;
	enum kind kind;
	size_t at;              /* of the value in struct conf */
	double least, most;     /* WHOLE, REAL; SPAN in seconds */
	const char *choices;    /* CHOICE: "auto sixel …" */
	const char *value;      /* the default; NULL: none */
	const char *help;
};

#define AT(field) offsetof(struct conf, field)
#define WHOLE(field, least, most) KIND_WHOLE, AT(field), least, most, NULL
#define REAL(field, least, most) KIND_REAL, AT(field), least, most, NULL
#define SPAN(field, most) KIND_SPAN, AT(field), 0, most, NULL
#define SIZE(field) KIND_SIZE, AT(field), 0, 0, NULL
#define SWITCH(field) KIND_SWITCH, AT(field), 0, 0, NULL
#define CHOICE(field, choices) KIND_CHOICE, AT(field), 0, 0, choices
#define TEXT(field) KIND_TEXT, AT(field), 0, 0, NULL
#define PATH(field) KIND_PATH, AT(field), 0, 0, NULL

static const struct key keys[] = {
	{ "model.dir", PATH(model_dir), NULL, "model folder; without one the small built-in model answers" },
	{ "model.quant", CHOICE(quant, "auto bf16 fp8 int8 int4"), "auto",
	    "how GPUs hold the decoder's weights; auto: the largest of bf16, int8, int4 that fits" },
	{ "model.gpus", KIND_GPUS, AT(gpus), 0, 0, NULL, "auto",
	    "GPUs to use: 0, or 0,1; none: the CPU; auto: as few as the model needs, the CPU where there is none" },
	{ "model.ctx", WHOLE(ctx, 0, 1 << 20), "0", "context limit in tokens; 0: the model's own" },
	{ "model.threads", WHOLE(threads, 0, 1024), "0", "CPU threads; 0: all cores" },
	{ "engine.ahead", SWITCH(ahead), "on",
	    "compute the beginning of the next prompt while it is typed; never on the CPU with more than 10^9 parameters" },
	{ "engine.guess", CHOICE(guess, "auto off on"), "auto",
	    "compute tokens ahead that the text makes likely; auto: on GPUs, while it pays; changes no answer" },
	{ "kv.snapshot", SWITCH(kv_snapshot), "off",
	    "keep what the model computed of a conversation when it is left, so that it need not be read again" },
	{ "kv.snapshot_max", SIZE(kv_snapshot_max), "8GiB", "how much of that is kept; the oldest goes first" },
	{ "gen.max_tokens", WHOLE(max_tokens, 1, 1 << 20), "512", "longest answer" },
	{ "gen.temp", REAL(temp, 0, 100), "0", "temperature; 0: greedy" },
	{ "gen.top_p", REAL(top_p, 0, 1), "1", "keep the likeliest tokens up to this sum; 1: all" },
	{ "gen.top_k", WHOLE(top_k, 0, 1 << 20), "0", "keep so many of the likeliest tokens; 0: all" },
	{ "gen.repeat_penalty", REAL(repeat_penalty, 0.01, 100), "1", "divide the logits of what was said by this; 1: off" },
	{ "gen.seed", KIND_SEED, AT(seed), 0, 0, NULL, "random", "of the random choices; always recorded" },
	{ "gen.system", TEXT(system), NULL,
	    "system message of new conversations; @FILE reads it; empty: none; without one the model's own" },
	{ "context.overflow", CHOICE(overflow, "ask drop stop"), "ask",
	    "when a message leaves no room for an answer: ask (ivchat ask: stop), drop the oldest turns, or do not send it" },
	{ "image.mode", CHOICE(image_mode, "auto sixel blocks none"), "auto", "how pictures are drawn" },
	{ "image.width", WHOLE(image_width, 16, 640), "640", "widest picture in the conversation, in pixels" },
	{ "image.max_kib", WHOLE(image_max_kib, 16, 1000), "256", "largest sixel picture sent to the terminal" },
	{ "image.orient", CHOICE(orient, "apply ignore"), "apply", "EXIF orientation of pictures" },
	{ "image.question", TEXT(image_question), "Please describe the image in detail.", "asked about pictures without text" },
	{ "input.mode", CHOICE(input_mode, "emacs vi"), "emacs", "keys of the input line" },
	{ "input.paste_fold", WHOLE(paste_fold, 0, 1000000), "8", "a paste of more lines than this is shown as one word; 0: never" },
	{ "history.save", SWITCH(history_save), "on", "keep input lines for the next time" },
	{ "history.size", WHOLE(history_size, 1, 1000000), "10000", "how many of them" },
	{ "ui.ascii", SWITCH(ascii), "off", "marks and rules in ASCII only" },
	{ "ui.theme", CHOICE(theme, "auto dark light mono"), "auto", "colours" },
	{ "ui.timestamps", SWITCH(timestamps), "off", "when each message was said, in its label" },
	{ "ui.title", SWITCH(title), "off", "name the conversation in the terminal's title" },
	{ "ui.markdown", SWITCH(markdown), "on", "answers styled as Markdown at the start; off: as they were written" },
	{ "ui.math", SWITCH(math), "on", "formulas of answers in Unicode where that is certain; off: as they were written" },
	{ "ui.mouse", SWITCH(mouse), "off", "mouse at the start; Alt-M turns it on and off" },
	{ "exit.print", CHOICE(exit_print, "last none all"), "last", "turns left on the normal screen after the chat" },
	{ "hangup.grace", SPAN(hangup_grace, 86400), "10m",
	    "how long a running answer may go on after the terminal is gone: 90s, 10m, 2h" },
	{ "store.dir", PATH(store_dir), NULL, "where sessions, pictures and the trash are; without one $XDG_DATA_HOME/ivchat" },
	{ "trash.days", WHOLE(trash_days, 0, 36500), "30", "how long removed sessions are kept" },
	{ "log.level", CHOICE(log_level, "off info debug"), "info", "what goes to the log, $IVCHAT_LOG or $XDG_STATE_HOME/ivchat/log" },
};

enum { N_KEYS = sizeof keys / sizeof *keys };

#define GEN "gen."
#define COLOR "color."

/* What a preset may hold, without its "gen." */
static const char *const preset_keys[] = { "system", "temp", "top_p", "top_k", "max_tokens" };

enum { N_PRESET_KEYS = sizeof preset_keys / sizeof *preset_keys };

struct conf_origin {
	enum conf_from from;
	char *where;
};

struct conf_binding {
	char *key, *action, *where;
};

struct entry {
	char *key, *value, *where;      /* key with its "gen." */
};

struct conf_preset {
	char *name;
	struct entry entries[N_PRESET_KEYS];
	int n;
};

static int
find_key(const char *name)
{
	for (int i = 0; i < N_KEYS; i++)
		if (strcmp(keys[i].name, name) == 0)
			return i;
	return -1;
}

/* ---- giving a value */

static void *
field(const struct conf *c, const struct key *k)
{
	return (char *)c + k->at;
}

static void
set_text(char **to, char *text)
{
	free(*to);
	*to = text;
}

static bool
set_switch(bool *to, const char *value)
{
	bool on = value_is_choice("on yes true 1", value);

	if (!on && !value_is_choice("off no false 0", value))
		return false;
	*to = on;
	return true;
}

static bool
set_seed(struct conf *c, const char *value)
{
	bool random = strcmp(value, "random") == 0;

	if (!random && !value_seed(value, &c->seed))
		return false;
	c->seed_set = !random;
	return true;
}

static bool
set_choice(char **to, const char *choices, const char *value)
{
	if (!value_is_choice(choices, value))
		return false;
	set_text(to, xstrdup(value));
	return true;
}

static bool
set_gpus(char **to, const char *value)
{
	int gpus[VALUE_MAX_GPUS], n;

	if (!value_gpus(value, gpus, &n))
		return false;
	set_text(to, xstrdup(value));
	return true;
}

/* False, with nothing changed, when the key cannot have it. */
static bool
set(struct conf *c, const struct key *k, const char *value)
{
	void *to = field(c, k);

	switch (k->kind) {
	case KIND_WHOLE:
		return value_whole(value, k->least, k->most, to);
	case KIND_REAL:
		return value_real(value, k->least, k->most, to);
	case KIND_SEED:
		return set_seed(c, value);
	case KIND_SPAN:
		return value_span(value, k->most, to);
	case KIND_SIZE:
		return value_size(value, to);
	case KIND_SWITCH:
		return set_switch(to, value);
	case KIND_CHOICE:
		return set_choice(to, k->choices, value);
	case KIND_TEXT:
		set_text(to, xstrdup(value));
		return true;
	case KIND_PATH:
		set_text(to, *value ? file_expand_home(value) : NULL);
		return true;
	case KIND_GPUS:
		return set_gpus(to, value);
	}
	return false;
}

static int
bad_value(const struct key *k, const char *value, struct error *err)
{
	switch (k->kind) {
	case KIND_WHOLE:
	case KIND_REAL:
		return error_set(err, CODE_USAGE, "%s '%s': must be a %snumber from %g to %.10g", k->name, value,
		    k->kind == KIND_WHOLE ? "whole " : "", k->least, k->most);
	case KIND_SEED:
		return error_set(err, CODE_USAGE, "%s '%s': must be random, or a whole number from 0 on", k->name, value);
	case KIND_SPAN:
		return error_set(err, CODE_USAGE, "%s '%s': must be a time such as 90s, 10m or 2h, at most %gh", k->name,
		    value, k->most / 3600);
	case KIND_SIZE:
		return error_set(err, CODE_USAGE, "%s '%s': must be a size such as 8GiB, 500MiB or 0", k->name, value);
	case KIND_GPUS:
		return error_set(err, CODE_USAGE, "%s '%s': must be auto, none, or numbers of GPUs such as 0 or 0,1", k->name,
		    value);
	case KIND_SWITCH:
		return error_set(err, CODE_USAGE, "%s '%s': must be on or off", k->name, value);
	default:
		return error_set(err, CODE_USAGE, "%s '%s': must be one of: %s", k->name, value, k->choices);
	}
}

static void
set_origin(struct conf *c, int i, enum conf_from from, const char *where)
{
	free(c->origins[i].where);
	c->origins[i] = (struct conf_origin){ from, xstrdup(where) };
}

static void
add_binding(struct conf_binding **list, int *n, const char *key, const char *action, const char *where)
{
	*list = xreallocarray(*list, (size_t)*n + 1, sizeof **list);
	(*list)[(*n)++] = (struct conf_binding){ xstrdup(key), xstrdup(action), xstrdup(where) };
}

static void
free_bindings(struct conf_binding *list, int n)
{
	for (int i = 0; i < n; i++) {
		free(list[i].key);
		free(list[i].action);
		free(list[i].where);
	}
	free(list);
}

int
conf_give(struct conf *c, const char *name, const char *value, enum conf_from from, const char *where,
    struct error *err)
{
	int i = find_key(name);

	if (i < 0 && strncmp(name, COLOR, strlen(COLOR)) == 0) {
		add_binding(&c->colors, &c->n_colors, name + strlen(COLOR), value, where);
		return 0;
	}
	if (i < 0)
		return error_set(err, CODE_USAGE, "there is no key '%s'", name);
	if (!set(c, &keys[i], value))
		return bad_value(&keys[i], value, err);
	set_origin(c, i, from, where);
	return 0;
}

int
conf_set(struct conf *c, const char *assignment, struct error *err)
{
	size_t n = strcspn(assignment, "=");
	char *name = xstrndup(assignment, n);
	const char *key = conf_bound_key(name);
	int failed = 0;

	if (!assignment[n])
		failed = error_set(err, CODE_USAGE, "--set '%s': must be KEY=VALUE", assignment);
	else if (key)
		conf_bind(c, key, assignment + n + 1, "--set");
	else
		failed = conf_give(c, name, assignment + n + 1, CONF_SET, "--set", err);
	free(name);
	return failed ? error_hint(err, "ivchat config") : 0;
}

/* ---- keys */

const char *
conf_bound_key(const char *name)
{
	static const char bind[] = "bind";
	const size_t n = sizeof bind - 1;

	if (strncmp(name, bind, n) != 0 || (name[n] != ' ' && name[n] != '\t'))
		return NULL;
	return name + n + strspn(name + n, " \t");
}

void
conf_bind(struct conf *c, const char *key, const char *action, const char *where)
{
	add_binding(&c->bindings, &c->n_bindings, key, action, where);
}

static bool
get_binding(const struct conf_binding *list, int n, int i, const char **key, const char **action, const char **where)
{
	if (i < 0 || i >= n)
		return false;
	*key = list[i].key;
	*action = list[i].action;
	*where = list[i].where;
	return true;
}

bool
conf_binding(const struct conf *c, int i, const char **key, const char **action, const char **where)
{
	return get_binding(c->bindings, c->n_bindings, i, key, action, where);
}

bool
conf_color(const struct conf *c, int i, const char **name, const char **value, const char **where)
{
	return get_binding(c->colors, c->n_colors, i, name, value, where);
}

/* ---- presets */

void
conf_preset_begin(struct conf *c, const char *name)
{
	struct conf_preset p = { .name = xstrdup(name) };

	c->presets = xreallocarray(c->presets, (size_t)c->n_presets + 1, sizeof *c->presets);
	c->presets[c->n_presets++] = p;
}

/* The key as the table has it, or NULL: a preset cannot hold it. */
static const struct key *
preset_key(const char *name)
{
	for (int i = 0; i < N_PRESET_KEYS; i++)
		for (int k = 0; k < N_KEYS && strcmp(preset_keys[i], name) == 0; k++)
			if (strncmp(keys[k].name, GEN, strlen(GEN)) == 0 &&
			    strcmp(keys[k].name + strlen(GEN), name) == 0)
				return &keys[k];
	return NULL;
}

static struct entry *
place(struct conf_preset *p, const char *key)
{
	for (int i = 0; i < p->n; i++)
		if (strcmp(p->entries[i].key, key) == 0)
			return &p->entries[i];
	p->entries[p->n].key = xstrdup(key);
	return &p->entries[p->n++];
}

/* A value is tried on a copy of its own, so that a bad one is found here and not when the preset is used. */
static bool
is_allowed(const struct key *k, const char *value)
{
	struct conf try;
	bool good;

	conf_init(&try);
	good = set(&try, k, value);
	conf_done(&try);
	return good;
}

int
conf_preset_add(struct conf *c, const char *name, const char *value, const char *where, struct error *err)
{
	const struct key *k = preset_key(name);
	struct entry *e;

	if (!k)
		return error_set(err, CODE_USAGE,
		    "a preset cannot hold '%s': system, temp, top_p, top_k, max_tokens only", name);
	if (!is_allowed(k, value))
		return bad_value(k, value, err);
	e = place(&c->presets[c->n_presets - 1], k->name);
	set_text(&e->value, xstrdup(value));
	set_text(&e->where, xstrdup(where));
	return 0;
}

static void
hint_presets(const struct conf *c, struct error *err)
{
	struct buf names = {0};

	for (int i = 0; i < c->n_presets; i++)
		buf_printf(&names, "%s%s", i ? ", " : "", c->presets[i].name);
	if (names.n > 0)
		error_hint(err, "one of: %s", buf_text(&names));
	else
		error_hint(err, "a section [preset %s] in '%s'", "NAME", c->path ? c->path : "the config file");
	buf_done(&names);
}

/* The last of that name: a later section takes an earlier one's place. */
int
conf_preset_find(const struct conf *c, const char *name, struct error *err)
{
	for (int i = c->n_presets; i-- > 0;)
		if (strcmp(c->presets[i].name, name) == 0)
			return i;
	error_set(err, CODE_USAGE, "there is no preset '%s'", name);
	hint_presets(c, err);
	return -1;
}

int
conf_use_preset(struct conf *c, const char *name, struct error *err)
{
	int i = conf_preset_find(c, name, err);

	for (int k = 0; i >= 0 && k < c->presets[i].n; k++) {
		const struct entry *e = &c->presets[i].entries[k];
		char *where = xasprintf("preset %s, %s", name, e->where);
		int failed = conf_give(c, e->key, e->value, CONF_PRESET, where, err);

		assert(!failed);        /* it was tried when it was read */
		(void)failed;
		free(where);
	}
	return i < 0 ? -1 : 0;
}

/* ---- beginning and end */

void
conf_init(struct conf *c)
{
	*c = (struct conf){ .origins = xcalloc(N_KEYS, sizeof *c->origins) };
	for (int i = 0; i < N_KEYS; i++) {
		if (keys[i].value)
			set(c, &keys[i], keys[i].value);
		set_origin(c, i, CONF_DEFAULT, "default");
	}
}

void
conf_warn(struct conf *c, const char *fmt, ...)
{
	struct error line = {0};
	char text[sizeof line.what];
	va_list ap;

	if (c->n_warnings > MAX_WARNINGS)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	error_set(&line, CODE_USAGE, "%s", c->n_warnings == MAX_WARNINGS ? "further warnings are left out" : text);
	c->warnings = xreallocarray(c->warnings, (size_t)c->n_warnings + 1, sizeof *c->warnings);
	c->warnings[c->n_warnings++] = xstrdup(line.what);
}

static void
take_variable(struct conf *c, const char *variable, const char *key)
{
	const char *value = getenv(variable);
	struct error err = {0};
	char *where;

	if (!value || !*value)
		return;
	where = xasprintf("environment %s", variable);
	if (conf_give(c, key, value, CONF_ENVIRONMENT, where, &err) < 0)
		conf_warn(c, "%s: %s", where, err.what);
	free(where);
}

void
conf_load(struct conf *c, const struct paths *paths)
{
	const char *own = getenv("IVCHAT_CONFIG");

	c->path = own && *own ? xstrdup(own) : xasprintf("%s/config", paths->config);
	if (file_exists(c->path) ? strcmp(c->path, "/dev/null") != 0 : own && *own)
		conf_read(c, c->path);
	take_variable(c, "IVCHAT_MODEL", "model.dir");
	take_variable(c, "IVCHAT_IMAGES", "image.mode");
}

static void
free_preset(struct conf_preset *p)
{
	for (int i = 0; i < p->n; i++) {
		free(p->entries[i].key);
		free(p->entries[i].value);
		free(p->entries[i].where);
	}
	free(p->name);
}

void
conf_done(struct conf *c)
{
	for (int i = 0; c->origins && i < N_KEYS; i++) {
		if (keys[i].kind >= KIND_CHOICE)
			free(*(char **)field(c, &keys[i]));
		free(c->origins[i].where);
	}
	for (int i = 0; i < c->n_presets; i++)
		free_preset(&c->presets[i]);
	for (int i = 0; i < c->n_warnings; i++)
		free(c->warnings[i]);
	free_bindings(c->bindings, c->n_bindings);
	free_bindings(c->colors, c->n_colors);
	free(c->origins);
	free(c->presets);
	free(c->warnings);
	free(c->path);
	*c = (struct conf){0};
}

/* ---- places */

int
conf_paths(const struct conf *c, struct paths *paths, struct error *err)
{
	if (paths_init(paths, err) < 0)
		return -1;
	if (c->store_dir)
		set_text(&paths->data, xstrdup(c->store_dir));
	return 0;
}

void
conf_open_log(const struct conf *c, const struct paths *paths, bool verbose)
{
	const char *given = getenv("IVCHAT_LOG");
	char *path = given && *given ? xstrdup(given) : xasprintf("%s/log", paths->state);
	bool off = strcmp(c->log_level, "off") == 0, debug = verbose || strcmp(c->log_level, "debug") == 0;

	if (debug)      /* who asks for figures has them of the first run too */
		file_make_dirs(paths->state, 0700, NULL);
	log_open(path, debug ? LOG_DEBUG : off ? LOG_OFF : LOG_INFO);
	free(path);
}

/* ---- telling */

static const char *
form(const struct key *k)
{
	switch (k->kind) {
	case KIND_WHOLE:
		return "N";
	case KIND_REAL:
		return "X";
	case KIND_SEED:
		return "N|random";
	case KIND_SPAN:
		return "TIME";
	case KIND_SIZE:
		return "SIZE";
	case KIND_SWITCH:
		return "on|off";
	case KIND_CHOICE:
		return k->choices;
	case KIND_TEXT:
		return "TEXT";
	case KIND_PATH:
		return "DIR";
	case KIND_GPUS:
		return "auto|none|LIST";
	}
	return "";
}

bool
conf_key(int i, struct conf_key *key)
{
	if (i < 0 || i >= N_KEYS)
		return false;
	*key = (struct conf_key){ keys[i].name, form(&keys[i]), keys[i].value ? keys[i].value : "", keys[i].help };
	return true;
}

/* Quotes that file.c takes off again. */
static char *
quoted(const char *text)
{
	struct buf out = {0};

	buf_char(&out, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_char(&out, '\\');
		if (*text == '\n')
			buf_str(&out, "\\n");
		else
			buf_char(&out, *text);
	}
	buf_char(&out, '"');
	return buf_take(&out);
}

/* In the largest unit that says it exactly. */
static char *
size_text(long long bytes)
{
	static const char *const units[] = { "", "KiB", "MiB", "GiB", "TiB" };
	int i = 0;

	for (; i < 4 && bytes > 0 && bytes % 1024 == 0; i++)
		bytes /= 1024;
	return xasprintf("%lld%s", bytes, units[i]);
}

char *
conf_value(const struct conf *c, int i)
{
	const struct key *k = &keys[i];
	const void *at = field(c, k);
	const char *text;

	switch (k->kind) {
	case KIND_WHOLE:
		return xasprintf("%d", *(const int *)at);
	case KIND_REAL:
		return xasprintf("%.7g", (double)*(const float *)at);
	case KIND_SEED:
		return c->seed_set ? xasprintf("%llu", (unsigned long long)c->seed) : xstrdup("random");
	case KIND_SPAN:
		return xasprintf("%ds", *(const int *)at);
	case KIND_SIZE:
		return size_text(*(const long long *)at);
	case KIND_SWITCH:
		return xstrdup(*(const bool *)at ? "on" : "off");
	case KIND_CHOICE:
	case KIND_GPUS:
		return xstrdup(*(char *const *)at);
	default:
		text = *(char *const *)at;
		return text ? quoted(text) : NULL;
	}
}

const char *
conf_origin(const struct conf *c, int i)
{
	return c->origins[i].where;
}

const char *
conf_preset_name(const struct conf *c, int i)
{
	return i < c->n_presets ? c->presets[i].name : NULL;
}

bool
conf_preset_entry(const struct conf *c, int i, int k, const char **key, const char **value)
{
	const struct conf_preset *p = &c->presets[i];

	if (k >= p->n)
		return false;
	*key = p->entries[k].key + strlen(GEN);
	*value = p->entries[k].value;
	return true;
}

char *
conf_preset_text(const struct conf *c, int i)
{
	const struct conf_preset *p = &c->presets[i];
	struct buf out = {0};

	for (int k = 0; k < p->n; k++) {
		const char *key = p->entries[k].key;
		char *value = keys[find_key(key)].kind == KIND_TEXT ? quoted(p->entries[k].value) : NULL;

		buf_printf(&out, "%-18s = %s\n", key + strlen(GEN), value ? value : p->entries[k].value);
		free(value);
	}
	return buf_take(&out);
}

bool
conf_system_is_given(const struct conf *c)
{
	return c->origins[find_key("gen.system")].from >= CONF_PRESET;
}
