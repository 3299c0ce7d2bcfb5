/* asker.c: see asker.h. */
#include "config.h"

#include "cmd/asker.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cmd/device.h"
#include "cmd/signals.h"

#define ROOM_MIN 64     /* tokens that must be left for an answer */

/* A question under way. */
struct asking {
	struct asking *next;
	struct asker *asker;
	struct link *link;
	int ticket;
	struct reply *reply;
	asker_text_fn text;
	void *arg;
};

int
asker_open(struct asker *a, const struct options *o, struct error *err)
{
	*a = (struct asker){.o = o, .n_links = 1};
	a->links = xcalloc(1, sizeof *a->links);
	a->card = card_open(o->model, err);
	if (!a->card)
		return -1;
	if (o->ctx > card_info(a->card)->n_ctx_max)
		return error_set(err, CODE_USAGE, "--ctx %d: the model's own limit is %d", o->ctx,
		    card_info(a->card)->n_ctx_max);
	return card_check(a->card, NULL, err);
}

void
asker_close(struct asker *a)
{
	for (int i = 0; i < a->n_links; i++)
		link_end(a->links[i]);
	free(a->links);
	for (struct asking *q = a->asking, *next; q; q = next) {
		next = q->next;
		free(q);
	}
	progress_clear(&a->progress);
	card_free(a->card);
	*a = (struct asker){0};
}

static int
smaller(int a, int b)
{
	return a < b ? a : b;
}

int
asker_widen(struct asker *a, int n, struct error *err)
{
	struct engine_options options = device_options(a->o);
	struct plan plan;

	if (n == 1)
		return 0;
	if (plan_make(&plan, a->card, &options, err) < 0)
		return -1;
	if (plan.n_gpus > 0)
		return 0;
	a->n_links = smaller(n, plan.n_threads);
	a->n_threads = plan.n_threads / a->n_links;
	a->links = xreallocarray(a->links, (size_t)a->n_links, sizeof *a->links);
	for (int i = 0; i < a->n_links; i++)
		a->links[i] = NULL;
	return 0;
}

static int
context_of(const struct asker *a)
{
	return a->o->ctx ? a->o->ctx : card_info(a->card)->n_ctx_max;
}

static int
room_for(int n_wanted)
{
	return n_wanted < ROOM_MIN ? n_wanted : ROOM_MIN;
}

int
asker_missing(const struct asker *a, int n_prompt, int n_wanted)
{
	int missing = n_prompt + room_for(n_wanted) - context_of(a);

	return missing > 0 ? missing : 0;
}

bool
asker_has_room(const struct asker *a, int n_prompt, int n_wanted, struct error *err)
{
	int n_ctx = context_of(a), room = room_for(n_wanted);

	if (asker_missing(a, n_prompt, n_wanted) == 0)
		return true;
	error_set(err, CODE_INPUT,
	    "the text is too long: %d tokens, and %d for an answer, where the context holds %d", n_prompt, room,
	    n_ctx);
	return false;
}

uint64_t
asker_random_seed(void)
{
	uint32_t seed = 0;

	return getentropy(&seed, sizeof seed) == 0 ? seed : (uint64_t)getpid();
}

/* ---- asking */

/* With several answers at a time their pictures and prompts would take turns on the line. */
static void
hear_progress(void *arg, const struct event *e)
{
	struct asking *q = arg;
	struct asker *a = q->asker;

	if (q == a->asking && (!q->next || e->stage == STAGE_LOAD))
		progress_show(&a->progress, e->stage, e->done, e->total);
}

static int
hear_text(void *arg, const struct event *e, struct error *err)
{
	struct asking *q = arg;

	progress_clear(&q->asker->progress);
	return q->text ? q->text(q->arg, e, err) : 0;
}

static int
count_waiting(const struct asker *a, const struct link *l)
{
	int n = 0;

	for (const struct asking *q = a->asking; q; q = q->next)
		n += q->link == l;
	return n;
}

/* The engine with the fewest questions; one more is started only while the others are busy. */
static struct link *
choose_link(struct asker *a, struct error *err)
{
	struct engine_options options = device_options(a->o);
	struct link **least = &a->links[0];

	for (int i = 1; i < a->n_links; i++)
		if (count_waiting(a, a->links[i]) < count_waiting(a, *least))
			least = &a->links[i];
	if (a->n_threads > 0)
		options.n_threads = a->n_threads;
	if (!*least)
		*least = link_start(a->card, &options, err);
	return *least;
}

/* Each question is put behind a load: nothing where the engine is open, all where it failed before. */
int
asker_put_take(struct asker *a, struct question *q, asker_text_fn text, void *arg, struct reply *r, struct error *err)
{
	struct link *l = choose_link(a, err);
	struct asking *new, **end = &a->asking;

	r->stop = STOP_ERROR;
	if (!l) {
		prompt_done(&q->prompt);
		free(q->segs);
		return -1;
	}
	new = xmalloc(sizeof *new);
	*new = (struct asking){NULL, a, l, ++a->ticket, r, text, arg};
	while (*end)
		end = &(*end)->next;
	*end = new;
	progress_init(&a->progress, a->o->quiet);
	q->ticket = new->ticket;
	link_load(l);
	link_ask_take(l, q);
	return 0;
}

int
asker_fds(const struct asker *a, struct pollfd *fds)
{
	int n = 0;

	for (int i = 0; i < a->n_links; i++)
		if (a->links[i])
			fds[n++] = (struct pollfd){.fd = link_fd(a->links[i]), .events = POLLIN};
	return n;
}

/* Whom an event is for. Loading has no ticket: it is the oldest question's that waits for that engine. NULL: it is of a
 * question that has failed already. */
static struct asking *
find_asking(struct asker *a, const struct link *l, int ticket)
{
	struct asking *q = a->asking;

	while (q && (q->link != l || (ticket != 0 && q->ticket != ticket)))
		q = q->next;
	return q;
}

static void
remove_asking(struct asker *a, struct asking *gone)
{
	struct asking **at = &a->asking;

	while (*at != gone)
		at = &(*at)->next;
	*at = gone->next;
	free(gone);
}

static void
take(struct asker *a, struct link *l, struct event *e)
{
	struct asking *q = find_asking(a, l, e->ticket);
	struct listener to = {hear_progress, hear_text, q};

	if (!q)
		return;
	if (reply_take(q->reply, e, &to) < 0)
		link_stop(l);
	if (q->reply->over)
		remove_asking(a, q);
}

void
asker_hear(struct asker *a)
{
	for (int i = 0; i < a->n_links; i++) {
		struct event *next, *e = a->links[i] ? link_take(a->links[i]) : NULL;

		for (; e; e = next) {
			next = e->next;
			take(a, a->links[i], e);
			event_free(e);
		}
	}
}

void
asker_stop(struct asker *a, int signal)
{
	for (struct asking *q = a->asking; q; q = q->next)
		if (!q->reply->signal)
			q->reply->signal = signal;
	for (int i = 0; i < a->n_links; i++)
		if (a->links[i])
			link_stop(a->links[i]);
}

int
asker_ask_take(struct asker *a, struct question *q, asker_text_fn text, void *arg, struct reply *r, struct error *err)
{
	struct pollfd fds[2];
	int sig;

	assert(a->n_links == 1);
	if (asker_put_take(a, q, text, arg, r, err) < 0)
		return -1;
	fds[0] = (struct pollfd){.fd = signals_fd(), .events = POLLIN};
	asker_fds(a, fds + 1);
	while (!r->over) {
		poll(fds, 2, -1);
		if ((sig = signals_take()))
			asker_stop(a, sig);
		asker_hear(a);
	}
	progress_clear(&a->progress);
	if (r->error.code && err)
		*err = r->error;
	return r->error.code ? -1 : 0;
}
