/* load.c: the model in the background: its card, the worker, the progress of loading. Whatever goes wrong here is a red
 * line; the conversation on the screen stays readable without a model. */
#include "config.h"

#include "load.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "internal.h"
#include "snapshot.h"

#define PATIENCE_MS 1000        /* how long leaving may take without a word */

/* Memory that others have now, or a device in trouble, may be there when the next message loads again; a folder without
 * a model stays one. Nobody sits before a pipe who could wait for that. */
static bool
may_pass(const struct app *app, const struct error *err)
{
	return app->link && !app->options->piped && (err->code == CODE_MEMORY || err->code == CODE_ENGINE);
}

static void
fail(struct app *app, struct error *err)
{
	app->engine = may_pass(app, err) ? ENGINE_LOST : ENGINE_NONE;
	app->talk.total = 0;
	if (!err->hint[0] && app->engine == ENGINE_LOST)
		error_hint(err, "the next message loads the model again");
	else if (!err->hint[0])
		error_hint(err, "ivchat model check DIR, or start with -m DIR that holds a whole model");
	present_error(app, err);
	talk_recall(app);
	meter_show(app);
}

static struct link *
start_worker(struct app *app, struct error *err)
{
	return link_start(app->card, &app->options->engine, err);
}

void
load_again(struct app *app)
{
	app->engine = ENGINE_LOADING;
	app->load_began = clock_ms();
	link_load(app->link);
	snapshot_restore(app);
	staged_see(app);
	meter_show(app);
}

bool
load_stop(struct app *app)
{
	if (app->engine != ENGINE_LOADING || !app->link)
		return false;
	link_stop(app->link);
	return true;
}

/* What waited for the model is in the input again. */
static void
stopped(struct app *app)
{
	app->engine = ENGINE_LOST;
	app->talk.total = 0;
	present_note(app, "Loading was stopped. The next message loads the model again.");
	talk_recall(app);
	meter_show(app);
}

void
load_start(struct app *app)
{
	struct error err;

	app->card = card_open(app->options->model_dir, &err);
	if (app->card)
		app->link = start_worker(app, &err);
	if (!app->link) {
		fail(app, &err);
		return;
	}
	load_again(app);
	present_banner(app);
	meter_touch(app);
	meter_show(app);
}

void
load_lost(struct app *app, const struct error *why)
{
	struct error err = *why;

	app->engine = ENGINE_LOST;
	error_hint(&err, "%s%sthe next message, or /regen, loads the model again", why->hint, why->hint[0] ? "; " : "");
	present_error(app, &err);
	meter_show(app);
}

static void
ready(struct app *app, const struct event *e)
{
	app->engine = ENGINE_READY;
	app->talk.total = 0;
	free(app->device);
	app->device = e->device ? xstrdup(e->device) : NULL;
	log_line("model ready after %d ms: %s", e->ms_load, e->device ? e->device : "");
	ahead_forget(&app->ahead);
	meter_touch(app);
	meter_show(app);
	talk_next(app);
}

/* Events without a ticket: of loading, and of work ahead of a question (whose failure the answer will tell). */
void
load_event(struct app *app, const struct event *e)
{
	struct error err;

	if (e->kind == EVENT_READY) {
		ready(app, e);
	} else if (e->kind == EVENT_FAILED && app->engine == ENGINE_LOADING && e->error.code == CODE_SIGINT) {
		stopped(app);
	} else if (e->kind == EVENT_FAILED && app->engine == ENGINE_LOADING) {
		err = e->error;
		fail(app, &err);
	} else if (e->kind == EVENT_FAILED && e->error.code == CODE_ENGINE && !app->talk.running) {
		load_lost(app, &e->error);
	} else if (e->kind == EVENT_FAILED) {
		log_line("work ahead of a question failed: %s", e->error.what);
	} else if (e->kind == EVENT_PROGRESS && app->engine == ENGINE_LOADING) {
		app->talk.stage = e->stage;
		app->talk.done = e->done;
		app->talk.total = e->total;
		meter_show(app);
	}
}

void
load_end(struct app *app)
{
	if (app->link && !link_end_within(app->link, PATIENCE_MS) && link_is_keeping(app->link))
		fputs("ivchat: keeping what was computed of this conversation; Ctrl-C leaves without it\n", stderr);
	link_end(app->link);
	card_free(app->card);
	free(app->device);
	app->link = NULL;
	app->card = NULL;
	app->device = NULL;
}
