/* asker.c: see asker.h. */
#include "config.h"

#include "cmd/asker.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cmd/device.h"

#define ROOM_MIN 64     /* tokens that must be left for an answer */

int
asker_open(struct asker *a, const struct options *o, struct error *err)
{
	*a = (struct asker){.o = o};
	a->card = card_open(o->model, err);
	if (!a->card)
		return -1;
	if (o->ctx > card_info(a->card)->n_ctx_max)
		return error_set(err, CODE_USAGE, "--ctx %d: the model's own limit is %d", o->ctx,
		    card_info(a->card)->n_ctx_max);
	return card_check(a->card, NULL, err);
}

static void
let_go(struct asker *a)
{
	if (a->link)
		link_end(a->link);
	a->link = NULL;
}

void
asker_close(struct asker *a)
{
	let_go(a);
	progress_clear(&a->progress);
	card_free(a->card);
	free(a->device);
	*a = (struct asker){0};
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

struct hearing {
	struct asker *asker;
	int (*text)(void *arg, const struct event *e, struct error *err);
	void *arg;
};

static void
hear_progress(void *arg, const struct event *e)
{
	struct hearing *h = arg;

	progress_show(&h->asker->progress, e->stage, e->done, e->total);
}

static int
hear_text(void *arg, const struct event *e, struct error *err)
{
	struct hearing *h = arg;

	progress_clear(&h->asker->progress);
	return h->text ? h->text(h->arg, e, err) : 0;
}

static int
start(struct asker *a, struct error *err)
{
	struct engine_options options = device_options(a->o);

	if (a->link)
		return 0;
	a->link = link_start(a->card, &options, err);
	if (!a->link)
		return -1;
	link_load(a->link);
	return 0;
}

/* The worker says what it runs on when it has loaded: the first reply hears it, the later ones are told. */
static void
share_device(struct asker *a, struct reply *r)
{
	if (r->device) {
		free(a->device);
		a->device = xstrdup(r->device);
	} else if (a->device) {
		r->device = xstrdup(a->device);
		r->begun = true;
	}
}

int
asker_ask_take(struct asker *a, struct question *q, int (*text)(void *arg, const struct event *e, struct error *err),
    void *arg, struct reply *r, struct error *err)
{
	struct hearing h = {a, text, arg};
	struct listener to = {hear_progress, hear_text, &h};
	int failed;

	r->stop = STOP_ERROR;
	if (start(a, err) < 0)
		return -1;
	progress_init(&a->progress, a->o->quiet);
	link_ask_take(a->link, q);
	failed = reply_get(r, a->link, &to, err);
	progress_clear(&a->progress);
	share_device(a, r);
	if (failed)
		let_go(a);      /* whatever else it has to say is not for the next question */
	return failed;
}
