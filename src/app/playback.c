/* playback.c: see playback.h. What all functions keep: steps are in the order of their times, and `shown` is a step whose
 * neighbours stand around `clock`. Also a branch as plain text, for where there is no screen. */
#include "config.h"

#include "playback.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/text.h"

#define SPEED_MIN 0.125
#define SPEED_MAX 64.0

/* ---- branches */

static bool
is_leaf(const struct chat *c, int id)
{
	for (int i = id; i < c->n_messages; i++)
		if (c->messages[i].up == id || c->messages[i].cont == id)
			return false;
	return true;
}

int
playback_leaf(const struct chat *c, int n)
{
	if (n == 0)
		return c->head;
	for (int id = 1; id <= c->n_messages; id++)
		if (is_leaf(c, id) && --n == 0)
			return id;
	return 0;
}

/* ---- times */

/* Milliseconds of "2026-08-23T14:15:03.250Z"; -1: it is none. */
static int64_t
parse_time(const char *s)
{
	struct tm tm = {0};
	const char *rest = strptime(s, "%Y-%m-%dT%H:%M:%S", &tm);
	double part = 0;

	if (!rest)
		return -1;
	if (*rest == '.')
		part = strtod(rest, NULL);
	return (int64_t)timegm(&tm) * 1000 + (int64_t)(part * 1000);
}

struct making {
	struct playback *p;
	const struct playback_how *how;
	int64_t clock;          /* of the step before */
	int64_t last;           /* wall clock of it; -1: not known */
};

/* Time passes, at most as long as a pause may be. */
static void
pass(struct making *m, int64_t ms)
{
	int64_t most = (int64_t)(m->how->idle_limit * 1000);

	if (ms > 0)
		m->clock += ms < most ? ms : most;
}

static void
add_step(struct making *m, int message, size_t end)
{
	struct playback *p = m->p;

	p->steps = xreallocarray(p->steps, (size_t)p->n + 1, sizeof *p->steps);
	p->steps[p->n++] = (struct playback_step){ message, end, m->clock };
}

static void
arrive(struct making *m, const char *at)
{
	int64_t time = parse_time(at);

	if (m->last >= 0 && time >= 0)
		pass(m, time - m->last);
	if (time >= 0)
		m->last = time;
}

/* ---- where the text of each token ends */

/* As the tokenizer says; false when that is not the text that was recorded. */
static bool
cut_by_tokens(const struct message *m, const struct tokenizer *t, size_t *ends)
{
	struct stream stream;
	struct buf text = {0};
	bool same;

	stream_init(&stream, t);
	for (int i = 0; i < m->n_ids; i++) {
		stream_push(&stream, m->ids[i], &text);
		ends[i] = text.n;
	}
	stream_finish(&stream, &text);
	same = text.n == m->text_n && memcmp(buf_text(&text), m->text, m->text_n) == 0;
	buf_done(&text);
	return same;
}

/* The same share of the text to each token, up to the next whole character. */
static void
cut_evenly(const struct message *m, size_t *ends)
{
	size_t pos = 0;
	int cols;

	for (int i = 0; i < m->n_ids; i++) {
		size_t want = (size_t)((double)m->text_n * (i + 1) / m->n_ids);

		while (pos < want)
			pos += text_grapheme(m->text + pos, m->text_n - pos, &cols);
		ends[i] = pos;
	}
}

static void
add_tokens(struct making *to, const struct message *m)
{
	size_t *ends = xcalloc((size_t)m->n_ids, sizeof *ends), before = 0;

	if (!to->how->tokenizer || !cut_by_tokens(m, to->how->tokenizer, ends))
		cut_evenly(m, ends);
	ends[m->n_ids - 1] = m->text_n;
	for (int i = 0; i < m->n_ids; i++) {
		/* an answer that went on was counted from its own question again */
		int since = i == 0 || i == m->n_given ? 0 : m->ms[i - 1];

		pass(to, m->ms[i] - since);
		if (ends[i] > before)
			add_step(to, m->id, ends[i]);
		before = ends[i];
	}
	if (to->last >= 0)
		to->last += m->ms[m->n_ids - 1];
	free(ends);
}

static void
add_message(struct making *to, const struct message *m)
{
	arrive(to, m->at);
	if (m->role == ROLE_USER || !m->ms || m->n_ids == 0) {
		add_step(to, m->id, m->text_n);
		return;
	}
	add_step(to, m->id, 0);
	add_tokens(to, m);
}

static bool
wanted(int turn, int from, int to)
{
	return turn >= from && (to == 0 || turn <= to);
}

int
playback_init(struct playback *p, const struct chat *c, const struct playback_how *how, int64_t now, struct error *err)
{
	struct making m = { .p = p, .how = how, .last = -1 };
	int *ids, n = chat_branch(c, how->leaf, &ids), turn = 0;

	*p = (struct playback){ .chat = c, .now = now, .speed = how->speed };
	for (int i = 0; i < n; i++) {
		const struct message *message = chat_message(c, ids[i]);

		turn += message->role == ROLE_USER;
		if (wanted(turn, how->from, how->to))
			add_message(&m, message);
	}
	free(ids);
	if (p->n > 0)
		return 0;
	return error_set(err, CODE_INPUT, "there is nothing to play: the branch has %d turn%s", turn,
	    turn == 1 ? "" : "s");
}

void
playback_done(struct playback *p)
{
	free(p->steps);
	*p = (struct playback){0};
}

/* ---- where it stands */

const struct playback_step *
playback_at(const struct playback *p)
{
	return p->shown > 0 ? &p->steps[p->shown - 1] : NULL;
}

int64_t
playback_length(const struct playback *p)
{
	return p->steps[p->n - 1].at;
}

bool
playback_ended(const struct playback *p)
{
	return p->shown == p->n;
}

/* ---- time */

bool
playback_tick(struct playback *p, int64_t now)
{
	int before = p->shown;
	int64_t passed = now - p->now;

	p->now = now;
	if (p->paused || playback_ended(p))
		return false;
	p->clock = p->speed > 0 ? p->clock + (double)passed * p->speed : (double)playback_length(p);
	while (p->shown < p->n && (double)p->steps[p->shown].at <= p->clock)
		p->shown++;
	if (p->clock > (double)playback_length(p))
		p->clock = (double)playback_length(p);
	return p->shown != before;
}

int
playback_wait(const struct playback *p)
{
	double left;

	if (p->paused || playback_ended(p))
		return -1;
	left = (double)p->steps[p->shown].at - p->clock;
	if (left <= 0 || p->speed == 0)
		return 0;
	return (int)(left / p->speed) + 1;
}

void
playback_pause(struct playback *p, bool paused)
{
	p->paused = paused;
}

void
playback_faster(struct playback *p, double factor)
{
	double speed = p->speed > 0 ? p->speed * factor : 1;

	p->speed = speed < SPEED_MIN ? SPEED_MIN : speed > SPEED_MAX ? SPEED_MAX : speed;
}

/* ---- jumps */

static void
jump(struct playback *p, int shown)
{
	p->shown = shown < 0 ? 0 : shown > p->n ? p->n : shown;
	p->clock = p->shown > 0 ? (double)p->steps[p->shown - 1].at : 0;
}

void
playback_step_by(struct playback *p, int n)
{
	p->paused = true;
	jump(p, p->shown + n);
}

void
playback_seek(struct playback *p, double clock)
{
	double end = (double)playback_length(p);

	p->clock = clock < 0 ? 0 : clock > end ? end : clock;
	p->shown = 0;
	while (p->shown < p->n && (double)p->steps[p->shown].at <= p->clock)
		p->shown++;
}

static bool
begins_message(const struct playback *p, int i, bool with_pictures)
{
	if (i > 0 && p->steps[i - 1].message == p->steps[i].message)
		return false;
	return !with_pictures || chat_message(p->chat, p->steps[i].message)->n_pics > 0;
}

bool
playback_message(struct playback *p, int direction, bool with_pictures)
{
	int i = direction > 0 ? p->shown : p->shown - 2;

	for (; i >= 0 && i < p->n; i += direction)
		if (begins_message(p, i, with_pictures)) {
			jump(p, i + 1);
			return true;
		}
	return false;
}

/* The end of the text's first place in the message beyond `after` bytes; 0: there is none. */
static size_t
find_end(const struct message *m, const char *text, size_t after)
{
	size_t n = strlen(text);
	const char *at = after < m->text_n ? memmem(m->text + after, m->text_n - after, text, n) : NULL;

	return at && n > 0 ? (size_t)(at - m->text) + n : 0;
}

static bool
find_from(struct playback *p, int from, const char *text)
{
	int message = 0;
	size_t end = 0;

	for (int i = from; i < p->n; i++) {
		const struct playback_step *s = &p->steps[i];

		if (s->message != message) {
			bool here = i > 0 && p->steps[i - 1].message == s->message;

			message = s->message;
			end = find_end(chat_message(p->chat, message), text, here ? p->steps[i - 1].end : 0);
		}
		if (end > 0 && s->end >= end) {
			jump(p, i + 1);
			return true;
		}
	}
	return false;
}

bool
playback_find(struct playback *p, const char *text)
{
	return find_from(p, p->shown, text) || find_from(p, 0, text);
}

/* ---- plainly */

static void
print_message(struct buf *out, const struct message *m)
{
	buf_str(out, m->role == ROLE_USER ? "User:\n" : "Assistant:\n");
	for (int i = 0; i < m->n_pics; i++)
		buf_printf(out, "[#%d %s %dx%d]\n", m->pics[i].n, m->pics[i].name ? m->pics[i].name : "",
		    m->pics[i].width, m->pics[i].height);
	buf_add(out, m->text, m->text_n);
	buf_str(out, "\n\n");
}

int
playback_print(const struct chat *c, int branch, int from, int to, struct buf *out, struct error *err)
{
	struct playback_how how = { .leaf = playback_leaf(c, branch), .from = from, .to = to };
	struct playback p;
	int rc;

	if (how.leaf <= 0)
		return error_set(err, CODE_INPUT, "session %s has no branch %d", c->id, branch);
	rc = playback_init(&p, c, &how, 0, err);
	for (int i = 0; i < p.n; i++)
		if (begins_message(&p, i, false))
			print_message(out, chat_message(c, p.steps[i].message));
	playback_done(&p);
	return rc;
}
