/* chat.c: see chat.h. One conversation as a tree of messages, without I/O.
 *
 * What all functions keep: messages[i].id is i + 1; `up` is 0 or a smaller id, so that walking up always ends; texts
 * are never NULL and are followed by a NUL that text_n does not count; head is 0 or the id of a message. */
#include "config.h"

#include "chat/chat.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"

#define TITLE_CHARACTERS 60

static const char *const stop_names[] = {
	[STOP_NONE] = "part",
	[STOP_EOS] = "eos",
	[STOP_LENGTH] = "length",
	[STOP_USER] = "user",
	[STOP_CONTEXT] = "context",
	[STOP_ERROR] = "error",
	[STOP_HANGUP] = "hangup",
};

#define N_STOPS (sizeof stop_names / sizeof stop_names[0])

const char *
stop_name(enum stop s)
{
	assert((size_t)s < N_STOPS);
	return stop_names[s];
}

enum stop
stop_from_name(const char *name)
{
	for (size_t i = 0; i < N_STOPS; i++)
		if (strcmp(stop_names[i], name) == 0)
			return (enum stop)i;
	return STOP_NONE;
}

/* ---- pictures and messages */

static char *
copy_or_null(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

static void
free_message(struct message *m)
{
	for (int i = 0; i < m->n_pics; i++) {
		free(m->pics[i].name);
		free(m->pics[i].type);
	}
	free(m->pics);
	free(m->text);
	free(m->ids);
	free(m->ms);
	free(m->segs);
	free(m->build);
	free(m->device);
}

void
chat_add_pic(struct chat *c, struct message *m, const struct pic *pic)
{
	struct pic *to;

	m->pics = xreallocarray(m->pics, (size_t)m->n_pics + 1, sizeof *m->pics);
	to = &m->pics[m->n_pics++];
	*to = *pic;
	to->name = copy_or_null(pic->name);
	to->type = copy_or_null(pic->type);
	if (to->n == 0)
		to->n = c->n_pics + 1;
	if (to->n > c->n_pics)
		c->n_pics = to->n;
}

void
message_append(struct message *m, const char *text, size_t n)
{
	if (n == 0)
		return;
	m->text = xrealloc(m->text, m->text_n + n + 1);
	memcpy(m->text + m->text_n, text, n);
	m->text_n += n;
	m->text[m->text_n] = '\0';
}

void
message_set_text(struct message *m, const char *text, size_t n)
{
	char *copy = n ? xstrndup(text, n) : xstrdup("");

	free(m->text);
	m->text = copy;
	m->text_n = n;
}

void
message_add_id(struct message *m, int32_t id, int ms)
{
	size_t n = (size_t)m->n_ids + 1;

	assert(m->n_ids == 0 || m->ms);
	m->ids = xreallocarray(m->ids, n, sizeof *m->ids);
	m->ms = xreallocarray(m->ms, n, sizeof *m->ms);
	m->ids[n - 1] = id;
	m->ms[n - 1] = ms;
	m->n_ids++;
}

void
message_set_segs(struct message *m, const struct seg *segs, int n)
{
	free(m->segs);
	m->segs = xreallocarray(NULL, (size_t)n, sizeof *segs);
	if (n > 0)
		memcpy(m->segs, segs, (size_t)n * sizeof *segs);
	m->n_segs = n;
}

/* ---- the tree */

struct chat *
chat_new(void)
{
	return xcalloc(1, sizeof(struct chat));
}

void
chat_free(struct chat *c)
{
	if (!c)
		return;
	for (int i = 0; i < c->n_messages; i++)
		free_message(&c->messages[i]);
	for (int i = 0; i < c->n_systems; i++)
		free(c->systems[i].text);
	for (int i = 0; i < c->n_drops; i++)
		free(c->drops[i].ids);
	for (int i = 0; i < c->n_notes; i++)
		free(c->notes[i].text);
	free(c->notes);
	free(c->drops);
	free(c->messages);
	free(c->systems);
	free(c->name);
	tags_done(&c->tags);
	free(c->model_name);
	free(c->model_digest);
	free(c->origin);
	free(c);
}

const struct message *
chat_message(const struct chat *c, int id)
{
	return id >= 1 && id <= c->n_messages ? &c->messages[id - 1] : NULL;
}

/* The array doubles when its length is a power of two. */
static void
make_room(struct chat *c)
{
	size_t n = (size_t)c->n_messages;

	if ((n & (n - 1)) == 0)
		c->messages = xreallocarray(c->messages, n ? 2 * n : 1, sizeof *c->messages);
}

struct message *
chat_add_as(struct chat *c, int id, int up, enum role role)
{
	struct message *m;

	if (id != c->n_messages + 1 || up < 0 || up >= id)
		return NULL;
	make_room(c);
	m = &c->messages[c->n_messages++];
	*m = (struct message){ .id = id, .up = up, .role = role, .text = xstrdup("") };
	c->head = id;
	return m;
}

struct message *
chat_add_user(struct chat *c, const char *text, size_t n, const struct pic *pics, int n_pics)
{
	struct message *m = chat_add_as(c, c->n_messages + 1, c->head, ROLE_USER);

	clock_utc(m->at);
	message_set_text(m, text, n);
	for (int i = 0; i < n_pics; i++)
		chat_add_pic(c, m, &pics[i]);
	return m;
}

struct message *
chat_add_answer(struct chat *c)
{
	struct message *m = chat_add_as(c, c->n_messages + 1, c->head, ROLE_ANSWER);

	clock_utc(m->at);
	return m;
}

static void
copy_ids(struct message *to, const struct message *from)
{
	size_t n = (size_t)from->n_ids;

	if (n == 0)
		return;
	to->ids = xcalloc(n, sizeof *to->ids);
	to->ms = xcalloc(n, sizeof *to->ms);
	to->n_ids = from->n_ids;
	memcpy(to->ids, from->ids, n * sizeof *to->ids);
	if (from->ms)
		memcpy(to->ms, from->ms, n * sizeof *to->ms);
}

struct message *
chat_add_continued(struct chat *c, int id)
{
	const struct message *old = chat_message(c, id);
	struct message *m;

	if (!old || old->role != ROLE_ANSWER)
		return NULL;
	m = chat_add_as(c, c->n_messages + 1, old->up, ROLE_ANSWER);
	old = chat_message(c, id);
	clock_utc(m->at);
	message_set_text(m, old->text, old->text_n);
	m->cont = id;
	copy_ids(m, old);
	m->n_given = m->n_ids;
	m->edited = old->edited;
	return m;
}

static int
depth_of(const struct chat *c, int leaf)
{
	int n = 0;

	for (const struct message *m = chat_message(c, leaf); m; m = chat_message(c, m->up))
		n++;
	return n;
}

int
chat_branch(const struct chat *c, int leaf, int **ids)
{
	int n = depth_of(c, leaf), i = n;

	*ids = xreallocarray(NULL, (size_t)n, sizeof **ids);
	for (const struct message *m = chat_message(c, leaf); m; m = chat_message(c, m->up))
		(*ids)[--i] = m->id;
	return n;
}

static bool
is_continued(const struct chat *c, int id)
{
	for (int i = id; i < c->n_messages; i++)
		if (c->messages[i].cont == id)
			return true;
	return false;
}

int
chat_siblings(const struct chat *c, int id, int **ids)
{
	const struct message *self = chat_message(c, id);
	int n = 0;

	*ids = xreallocarray(NULL, (size_t)c->n_messages, sizeof **ids);
	for (int i = self ? self->up : c->n_messages; i < c->n_messages; i++) {
		const struct message *m = &c->messages[i];

		if (m->up == self->up && (m->id == id || !is_continued(c, m->id)))
			(*ids)[n++] = m->id;
	}
	return n;
}

static int
newest_below(const struct chat *c, int id)
{
	for (int i = c->n_messages; i > id; i--)
		if (c->messages[i - 1].up == id && !is_continued(c, i))
			return i;
	return 0;
}

int
chat_leaf_below(const struct chat *c, int id)
{
	for (int next; (next = newest_below(c, id)) != 0;)
		id = next;
	return id;
}

bool
chat_is_at(const struct chat *c, int up, int id)
{
	const struct message *m = chat_message(c, id);

	while (id != up && m && m->cont) {
		id = m->cont;
		m = chat_message(c, id);
	}
	return id == up;
}

int
chat_question_of(const struct chat *c, int id)
{
	const struct message *m = chat_message(c, id);

	while (m && m->role != ROLE_USER)
		m = chat_message(c, m->up);
	return m ? m->id : 0;
}

int
chat_n_turns(const struct chat *c)
{
	int n = 0;

	for (const struct message *m = chat_message(c, c->head); m; m = chat_message(c, m->up))
		n += m->role == ROLE_USER;
	return n;
}

int
chat_parent_turn(const struct chat *c)
{
	for (const struct message *m = chat_message(c, c->head); m; m = chat_message(c, m->up))
		if (m->role == ROLE_USER)
			return m->up;
	return -1;
}

int
chat_set_head(struct chat *c, int id)
{
	if (id != 0 && !chat_message(c, id))
		return -1;
	c->head = id;
	return 0;
}

void
chat_set_name(struct chat *c, const char *name)
{
	char *copy = copy_or_null(name);

	free(c->name);
	c->name = copy;
}

/* ---- the system message */

void
chat_add_system(struct chat *c, int up, const char *text)
{
	c->systems = xreallocarray(c->systems, (size_t)c->n_systems + 1, sizeof *c->systems);
	c->systems[c->n_systems++] = (struct system_change){ .up = up, .text = copy_or_null(text) };
}

void
chat_set_system(struct chat *c, const char *text)
{
	chat_add_system(c, c->head, text);
}

/* The newest change made at exactly this place. */
static const struct system_change *
change_at(const struct chat *c, int id)
{
	for (int i = c->n_systems - 1; i >= 0; i--)
		if (chat_is_at(c, c->systems[i].up, id))
			return &c->systems[i];
	return NULL;
}

const char *
chat_system(const struct chat *c, int leaf)
{
	const struct message *m = chat_message(c, leaf);
	const struct system_change *change;

	for (; m; m = chat_message(c, m->up)) {
		change = change_at(c, m->id);
		if (change)
			return change->text;
	}
	change = change_at(c, 0);
	return change ? change->text : NULL;
}

/* ---- a branch by itself */

static void
copy_message(struct chat *to, const struct message *from)
{
	struct message *m = chat_add_as(to, to->n_messages + 1, to->head, from->role);

	memcpy(m->at, from->at, sizeof m->at);
	message_set_text(m, from->text, from->text_n);
	for (int i = 0; i < from->n_pics; i++)
		chat_add_pic(to, m, &from->pics[i]);
	copy_ids(m, from);
	m->pinned = from->pinned;
	m->edited = from->edited;
	m->stop = from->stop;
	m->sampling = from->sampling;
	m->max_tokens = from->max_tokens;
	m->n_given = from->n_given;
	m->n_prompt = from->n_prompt;
	m->n_reused = from->n_reused;
	message_set_segs(m, from->segs, from->n_segs);
	m->build = copy_or_null(from->build);
	m->device = copy_or_null(from->device);
}

/* new_ids[old id]: the id in the copy, 0 for messages that are not on the branch. */
static void
copy_drop(struct chat *to, const struct drop *from, const int *new_ids, int n_messages)
{
	int *ids = xcalloc((size_t)from->n + 1, sizeof *ids), n = 0;

	for (int i = 0; i < from->n; i++)
		if (from->ids[i] >= 1 && from->ids[i] <= n_messages && new_ids[from->ids[i]])
			ids[n++] = new_ids[from->ids[i]];
	if (n > 0)
		chat_add_drop(to, new_ids[from->up], ids, n)->back = from->back;
	free(ids);
}

/* Whether what was done at message `up` counts on the branch that is copied. */
static bool
is_copied(const struct chat *from, const int *new_ids, int up)
{
	return up == 0 || (up <= from->n_messages && new_ids[up]);
}

static void
copy_changes(struct chat *to, const struct chat *from, const int *new_ids)
{
	for (int i = 0; i < from->n_systems; i++)
		if (is_copied(from, new_ids, from->systems[i].up))
			chat_add_system(to, new_ids[from->systems[i].up], from->systems[i].text);
	for (int i = 0; i < from->n_drops; i++)
		if (is_copied(from, new_ids, from->drops[i].up))
			copy_drop(to, &from->drops[i], new_ids, from->n_messages);
	for (int i = 0; i < from->n_notes; i++)
		if (is_copied(from, new_ids, from->notes[i].up))
			chat_add_note(to, new_ids[from->notes[i].up], from->notes[i].at, from->notes[i].text,
			    from->notes[i].text_n);
}

struct chat *
chat_fork(const struct chat *c, int leaf)
{
	int *ids, n = chat_branch(c, leaf, &ids), *new_ids = xcalloc((size_t)c->n_messages + 1, sizeof *new_ids);
	struct chat *copy = chat_new();

	for (int i = 0; i < n; i++) {
		copy_message(copy, chat_message(c, ids[i]));
		for (const struct message *m = chat_message(c, ids[i]); m; m = chat_message(c, m->cont))
			new_ids[m->id] = i + 1;
	}
	copy_changes(copy, c, new_ids);
	copy->model_name = copy_or_null(c->model_name);
	copy->model_digest = copy_or_null(c->model_digest);
	copy->origin = c->id[0] ? xstrdup(c->id) : NULL;
	free(new_ids);
	free(ids);
	return copy;
}

/* ---- the title */

static const struct message *
first_question(const struct chat *c)
{
	for (int i = 0; i < c->n_messages; i++)
		if (c->messages[i].role == ROLE_USER)
			return &c->messages[i];
	return NULL;
}

char *
chat_title_from(const char *text, size_t n)
{
	struct buf line = {0};
	size_t pos = 0, whole = n < 4096 ? n : 4096;
	int cols;

	text_strip(&text, &whole);
	text_visible_line(&line, text, whole);
	for (int i = 0; i < TITLE_CHARACTERS && pos < line.n; i++)
		pos += text_grapheme(line.at + pos, line.n - pos, &cols);
	buf_cut(&line, pos);
	return buf_take(&line);
}

char *
chat_title(const struct chat *c)
{
	const struct message *m = first_question(c);
	struct buf line = {0};

	if (c->name) {
		text_visible_line(&line, c->name, strlen(c->name));
		return buf_take(&line);
	}
	if (!m)
		return xstrdup("");
	if (m->text_n == 0 && m->n_pics > 0 && m->pics[0].name)
		return chat_title_from(m->pics[0].name, strlen(m->pics[0].name));
	return chat_title_from(m->text, m->text_n);
}
