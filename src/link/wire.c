/* wire.c: see wire.h. */
#include "config.h"

#include "link/wire.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"

struct head {
	uint64_t kind, n;
};

/* ---- bytes */

static int
send_all(int fd, const void *bytes, size_t n)
{
	const char *at = bytes;

	while (n > 0) {
		ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return -1;
		at += sent;
		n -= (size_t)sent;
	}
	return 0;
}

static int
take_all(int fd, void *bytes, size_t n)
{
	char *at = bytes;

	while (n > 0) {
		ssize_t got = recv(fd, at, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		at += got;
		n -= (size_t)got;
	}
	return 0;
}

int
wire_send(int fd, enum wire_kind kind, const struct buf *body)
{
	struct head head = {kind, body ? body->n : 0};

	if (send_all(fd, &head, sizeof head) < 0)
		return -1;
	return body ? send_all(fd, buf_text(body), body->n) : 0;
}

int
wire_take(int fd, enum wire_kind *kind, struct buf *body)
{
	struct head head;

	if (take_all(fd, &head, sizeof head) < 0)
		return -1;
	*kind = (enum wire_kind)head.kind;
	buf_clear(body);
	if (take_all(fd, buf_room(body, head.n), head.n) < 0)
		return -1;
	body->n = head.n;
	return 0;
}

/* ---- messages */

/* What is left of a body. */
struct rest {
	const char *at;
	size_t n;
};

static struct rest
rest_of(const struct buf *body)
{
	return (struct rest){buf_text(body), body->n};
}

static void
get(struct rest *r, void *to, size_t n)
{
	assert(n <= r->n);
	memcpy(to, r->at, n);
	r->at += n;
	r->n -= n;
}

/* Bytes behind a pointer that is not NULL, in memory of their own. */
static void *
get_behind(struct rest *r, const void *was, size_t n)
{
	void *to = was ? xmalloc(n ? n : 1) : NULL;

	if (to)
		get(r, to, n);
	return to;
}

static void
put_behind(struct buf *body, const void *at, size_t n)
{
	if (at)
		buf_add(body, at, n);
}

static void
put_string(struct buf *body, const char *s)
{
	size_t n = s ? strlen(s) + 1 : 0;

	buf_add(body, &n, sizeof n);
	put_behind(body, s, n);
}

static char *
get_string(struct rest *r)
{
	size_t n;

	get(r, &n, sizeof n);
	return get_behind(r, n ? r->at : NULL, n);
}

static size_t
rgb_bytes(const struct pixels *p)
{
	return 3 * (size_t)p->size * (size_t)p->size;
}

static void
put_prompt(struct buf *body, const struct prompt *p)
{
	put_behind(body, p->ids.at, p->ids.n * sizeof *p->ids.at);
	put_behind(body, p->pictures, (size_t)p->n_pictures * sizeof *p->pictures);
	for (int i = 0; i < p->n_pictures; i++)
		put_behind(body, p->pictures[i].pixels.rgb, rgb_bytes(&p->pictures[i].pixels));
}

static void
get_prompt(struct rest *r, struct prompt *p)
{
	p->ids.cap = p->ids.n;
	p->ids.at = get_behind(r, p->ids.at, p->ids.n * sizeof *p->ids.at);
	p->pictures = get_behind(r, p->pictures, (size_t)p->n_pictures * sizeof *p->pictures);
	for (int i = 0; i < p->n_pictures; i++)
		p->pictures[i].pixels.rgb = get_behind(r, p->pictures[i].pixels.rgb, rgb_bytes(&p->pictures[i].pixels));
}

void
wire_put_hello(struct buf *body, const struct hello *h)
{
	assert(!h->options.random_shape);
	buf_clear(body);
	buf_add(body, &h->options, sizeof h->options);
	buf_add(body, &h->log, sizeof h->log);
	put_string(body, h->dir);
}

void
wire_get_hello(const struct buf *body, struct hello *h)
{
	struct rest r = rest_of(body);

	get(&r, &h->options, sizeof h->options);
	get(&r, &h->log, sizeof h->log);
	h->dir = get_string(&r);
}

void
wire_put_request(struct buf *body, const struct request *r)
{
	buf_clear(body);
	buf_add(body, r, sizeof *r);
	put_behind(body, r->pixels.rgb, rgb_bytes(&r->pixels));
	put_prompt(body, &r->question.prompt);
	put_behind(body, r->question.segs, (size_t)r->question.n_segs * sizeof *r->question.segs);
	put_string(body, r->path);
}

struct request *
wire_get_request(const struct buf *body)
{
	struct request *out = xmalloc(sizeof *out);
	struct rest r = rest_of(body);

	get(&r, out, sizeof *out);
	out->next = NULL;
	out->pixels.rgb = get_behind(&r, out->pixels.rgb, rgb_bytes(&out->pixels));
	get_prompt(&r, &out->question.prompt);
	out->question.segs = get_behind(&r, out->question.segs, (size_t)out->question.n_segs * sizeof *out->question.segs);
	out->path = get_string(&r);
	return out;
}

void
wire_put_event(struct buf *body, const struct event *e)
{
	buf_clear(body);
	buf_add(body, e, sizeof *e);
	put_behind(body, e->text, e->text_n);
	put_behind(body, e->tokens, (size_t)e->n_tokens * sizeof *e->tokens);
	for (int i = 0; i < e->n_tokens; i++)
		put_behind(body, e->tokens[i].best, (size_t)e->tokens[i].n_best * sizeof *e->tokens[i].best);
	put_behind(body, e->segs, (size_t)e->n_segs * sizeof *e->segs);
	put_string(body, e->device);
}

struct event *
wire_get_event(const struct buf *body)
{
	struct event *out = xmalloc(sizeof *out);
	struct rest r = rest_of(body);

	get(&r, out, sizeof *out);
	out->next = NULL;
	if (out->text) {
		out->text = xmalloc(out->text_n + 1);
		get(&r, out->text, out->text_n);
		out->text[out->text_n] = '\0';
	}
	out->tokens = get_behind(&r, out->tokens, (size_t)out->n_tokens * sizeof *out->tokens);
	for (int i = 0; i < out->n_tokens; i++)
		out->tokens[i].best = get_behind(&r, out->tokens[i].best,
		    (size_t)out->tokens[i].n_best * sizeof *out->tokens[i].best);
	out->segs = get_behind(&r, out->segs, (size_t)out->n_segs * sizeof *out->segs);
	out->device = get_string(&r);
	return out;
}
