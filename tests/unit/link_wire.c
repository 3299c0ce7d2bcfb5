/* link_wire.c: messages over a socket and back, with all they name and with nothing. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "link/wire.h"

#define SIDE 9

/* Sent, and taken at the other end. */
static void
pass(struct buf *body, enum wire_kind kind)
{
	enum wire_kind came;
	int both[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, both), 0);
	assert_int_equal(wire_send(both[0], kind, body), 0);
	close(both[0]);
	buf_clear(body);
	assert_int_equal(wire_take(both[1], &came, body), 0);
	assert_int_equal(came, kind);
	assert_int_equal(wire_take(both[1], &came, body), -1);
	close(both[1]);
}

static void *
bytes(size_t n, int first)
{
	unsigned char *at = xmalloc(n);

	for (size_t i = 0; i < n; i++)
		at[i] = (unsigned char)((size_t)first + i);
	return at;
}

static struct pixels
pixels_of(int size, int first)
{
	return (struct pixels){.size = size, .rgb = bytes(3 * (size_t)size * (size_t)size, first), .key = {(uint8_t)first}};
}

static void
assert_same_pixels(const struct pixels *a, const struct pixels *b)
{
	assert_int_equal(a->size, b->size);
	assert_memory_equal(a->key, b->key, sizeof a->key);
	assert_ptr_not_equal(a->rgb, b->rgb);
	assert_memory_equal(a->rgb, b->rgb, 3 * (size_t)a->size * (size_t)a->size);
}

static struct request *
and_back(const struct request *r)
{
	struct buf body = {0};
	struct request *out;

	wire_put_request(&body, r);
	pass(&body, WIRE_REQUEST);
	out = wire_get_request(&body);
	buf_done(&body);
	return out;
}

static void
test_question(void **state)
{
	struct request *r = request_new(REQUEST_ASK), *got;
	struct question *q = &r->question, *p;

	(void)state;
	q->ticket = 3;
	q->sampling.seed = 77;
	q->n_best = 2;
	for (int i = 0; i < 5; i++) {
		q->prompt.ids.at = xreallocarray(q->prompt.ids.at, (size_t)i + 1, sizeof *q->prompt.ids.at);
		q->prompt.ids.at[q->prompt.ids.n++] = 100 + i;
	}
	q->prompt.n_pictures = 2;
	q->prompt.pictures = xcalloc(2, sizeof *q->prompt.pictures);
	for (int i = 0; i < 2; i++)
		q->prompt.pictures[i] = (struct prompt_picture){(size_t)i + 1, 2, pixels_of(SIDE + i, i)};
	q->n_segs = 1;
	q->segs = xcalloc(1, sizeof *q->segs);
	q->segs[0] = (struct seg){SEG_PREFILL, 0, 5, 6};
	got = and_back(r);
	p = &got->question;
	assert_int_equal(got->kind, REQUEST_ASK);
	assert_int_equal(p->ticket, 3);
	assert_int_equal(p->sampling.seed, 77);
	assert_int_equal(p->prompt.ids.n, 5);
	assert_memory_equal(p->prompt.ids.at, q->prompt.ids.at, 5 * sizeof *p->prompt.ids.at);
	assert_int_equal(p->prompt.n_pictures, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(p->prompt.pictures[i].pos, i + 1);
		assert_same_pixels(&p->prompt.pictures[i].pixels, &q->prompt.pictures[i].pixels);
	}
	assert_int_equal(p->segs[0].to, 6);
	assert_null(got->path);
	assert_null(got->pixels.rgb);
	request_free(got);
	request_free(r);
}

static void
test_other_requests(void **state)
{
	struct request *r = request_new(REQUEST_LEAVE), *got;

	(void)state;
	r->path = xstrdup("a folder/a file");
	r->max_bytes = 1LL << 40;
	got = and_back(r);
	assert_string_equal(got->path, r->path);
	assert_true(got->max_bytes == r->max_bytes);
	request_free(got);
	request_free(r);
	r = request_new(REQUEST_SEE);
	r->pixels = pixels_of(SIDE, 5);
	got = and_back(r);
	assert_same_pixels(&got->pixels, &r->pixels);
	request_free(got);
	request_free(r);
	r = request_new(REQUEST_LOAD);
	got = and_back(r);
	assert_int_equal(got->kind, REQUEST_LOAD);
	request_free(got);
	request_free(r);
}

static struct event *
event_and_back(const struct event *e)
{
	struct buf body = {0};
	struct event *out;

	wire_put_event(&body, e);
	pass(&body, WIRE_EVENT);
	out = wire_get_event(&body);
	buf_done(&body);
	return out;
}

static void
test_events(void **state)
{
	struct event *e = event_new(EVENT_TEXT, 4), *got;

	(void)state;
	e->text = xstrndup("a\0b", 3);
	memcpy(e->text, "a\0b", 3);
	e->text_n = 3;
	e->n_tokens = 2;
	e->tokens = xcalloc(2, sizeof *e->tokens);
	e->tokens[0].id = 9;
	e->tokens[1] = (struct token){.id = 8, .n_best = 1, .best = xcalloc(1, sizeof *e->tokens[1].best)};
	e->tokens[1].best[0] = (struct candidate){8, -0.5f};
	e->segs = xcalloc(1, sizeof *e->segs);
	e->n_segs = 1;
	e->segs[0].end = 12;
	e->device = xstrdup("a device");
	error_set(&e->error, CODE_ENGINE, "lost");
	got = event_and_back(e);
	assert_int_equal(got->ticket, 4);
	assert_int_equal(got->text_n, 3);
	assert_memory_equal(got->text, "a\0b", 4);
	assert_int_equal(got->tokens[0].id, 9);
	assert_null(got->tokens[0].best);
	assert_int_equal(got->tokens[1].best[0].id, 8);
	assert_int_equal(got->segs[0].end, 12);
	assert_string_equal(got->device, "a device");
	assert_string_equal(got->error.what, "lost");
	event_free(got);
	event_free(e);
	e = event_new(EVENT_PROGRESS, 0);
	got = event_and_back(e);
	assert_null(got->text);
	assert_null(got->tokens);
	assert_null(got->device);
	event_free(got);
	event_free(e);
}

static void
test_hello(void **state)
{
	struct hello h = {(char *)"models/a", {.n_ctx = 512, .n_gpus = 1, .gpus = {3}}, LOG_DEBUG}, got;
	struct buf body = {0};

	(void)state;
	wire_put_hello(&body, &h);
	pass(&body, WIRE_HELLO);
	wire_get_hello(&body, &got);
	assert_string_equal(got.dir, "models/a");
	assert_int_equal(got.options.n_ctx, 512);
	assert_int_equal(got.options.gpus[0], 3);
	assert_int_equal(got.log, LOG_DEBUG);
	free(got.dir);
	buf_done(&body);
}

/* A message cut short, and nobody who reads. */
static void
test_the_other_end_goes(void **state)
{
	struct buf body = {0}, large = {0};
	enum wire_kind kind;
	int both[2];

	(void)state;
	buf_str(&body, "a body");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, both), 0);
	assert_int_equal(wire_send(both[0], WIRE_EVENT, &body), 0);
	memset(buf_room(&large, 8), 0, 8);
	assert_int_equal(recv(both[1], large.at, 8, 0), 8);
	close(both[0]);
	assert_int_equal(wire_take(both[1], &kind, &body), -1);
	close(both[1]);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, both), 0);
	close(both[1]);
	assert_int_equal(wire_send(both[0], WIRE_EVENT, &body), -1);
	close(both[0]);
	buf_done(&body);
	buf_done(&large);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_question),
		cmocka_unit_test(test_other_requests),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_the_other_end_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
