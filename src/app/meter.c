/* meter.c: the status line, and the counting of tokens behind its "ctx used/limit". The conversation is counted exactly
 * when it changes; what is being typed is tokenized alone, a moment after the last key, which is exact enough for a
 * number on the screen. Before a send talk.c counts the real prompt. */
#include "config.h"

#include "meter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "internal.h"

#define COUNT_AFTER_MS 120
#define COUNT_MOST_BYTES 32768

void
meter_touch(struct app *app)
{
	app->meter.base_stale = true;
	app->meter.due = clock_ms();
}

void
meter_typed(struct app *app)
{
	if (!app->meter.due)
		app->meter.due = clock_ms() + COUNT_AFTER_MS;
}

int
meter_timeout(const struct app *app)
{
	int64_t left = app->meter.due - clock_ms();

	if (!app->meter.due)
		return -1;
	return left > 0 ? (int)left : 0;
}

/* A very long text is estimated: counting must not be felt under the keys. */
static int
count_typed(const struct app *app)
{
	const char *text = ui_input(app->ui);
	size_t n = strlen(text);
	struct ids ids = {0};
	int count;

	if (n > COUNT_MOST_BYTES)
		return (int)(n / 3);
	tokenizer_encode(card_tokenizer(app->card), text, n, false, &ids);
	count = (int)ids.n;
	ids_done(&ids);
	return count;
}

void
meter_tick(struct app *app)
{
	struct meter *m = &app->meter;

	if (meter_timeout(app) != 0)
		return;
	m->due = app->present.undrawn > 0 ? clock_ms() + COUNT_AFTER_MS : 0;
	if (!app->card || m->due)       /* pictures are being read: counting would read them all at once */
		return;
	if (m->base_stale) {
		m->n_base = talk_count(app, NULL);
		ahead_offer(app);
	}
	m->base_stale = false;
	m->n_typed = count_typed(app);
	meter_show(app);
}

double
meter_speed(const struct message *m)
{
	int ms = m->n_ids > 1 ? m->ms[m->n_ids - 1] - m->ms[0] : 0;

	return ms > 0 ? (m->n_ids - 1) * 1000.0 / ms : 0.0;
}

/* ---- the line */

static void
write_stage(const struct talk *t, const char *what, char *out, size_t size)
{
	if (t->total > 0)
		snprintf(out, size, "%s %d %%", what, (int)(t->done * 100 / t->total));
	else
		snprintf(out, size, "%s", what);
}

/* "loading 42 % of 80.6 GB, 1.2 GB/s, 39 s left"; the rate when there has been time to measure one. */
static void
write_loading(const struct app *app, char *out, size_t size)
{
	const struct talk *t = &app->talk;
	const double gb = 1e9, seconds = (double)(clock_ms() - app->load_began) / 1000.0;
	double rate = seconds > 0 ? (double)t->done / seconds : 0;
	int n;

	write_stage(t, "loading", out, size);
	if (t->total < (long long)gb || t->stage != STAGE_LOAD)
		return;
	n = (int)strlen(out);
	n += snprintf(out + n, size - (size_t)n, " of %.1f GB", (double)t->total / gb);
	if (seconds >= 1 && rate > 0)
		snprintf(out + n, size - (size_t)n, ", %.1f GB/s, %.0f s left", rate / gb, (double)(t->total - t->done) / rate);
}

static const char *
without_engine(enum engine_state engine)
{
	return engine == ENGINE_NONE ? "no model" : engine == ENGINE_LOST ? "not loaded" : "";
}

static void
write_state(const struct app *app, char *out, size_t size)
{
	const struct talk *t = &app->talk;

	if (app->engine == ENGINE_LOADING)
		write_loading(app, out, size);
	else if (app->verify.running)
		snprintf(out, size, app->verify.stopping ? "stopping" : "verifying");
	else if (t->stopping)
		snprintf(out, size, "stopping");
	else if (!t->running && app->edit.id)
		snprintf(out, size, "editing");
	else if (!t->running)
		snprintf(out, size, "%s", without_engine(app->engine));
	else if (t->total > 0)
		write_stage(t, t->stage == STAGE_PICTURE ? "looking" : "reading", out, size);
	else
		snprintf(out, size, "answering");
}

/* While an answer grows its tokens are in use, although the next prompt is not built yet. */
static int
used(const struct app *app)
{
	const struct message *m = app->talk.running ? chat_message(app->chat, app->talk.answer) : NULL;

	return app->meter.n_base < 0 ? -1 : app->meter.n_base + app->meter.n_typed + (m ? m->n_ids : 0);
}

static void
write_speed(const struct app *app, char *out, size_t size)
{
	const struct message *m = chat_message(app->chat, app->talk.answer);
	double speed = m ? meter_speed(m) : 0.0;

	if (speed > 0.0)
		snprintf(out, size, speed < 10 ? "%.1f tok/s" : "%.0f tok/s", speed);
}

/* The model, and on GPUs what its weights are there: engine_device() ends with that. */
static void
write_model(const struct app *app, char *out, size_t size)
{
	const char *name = app->options->model_is_bundled ? "demo model" : card_info(app->card)->name;
	const char *quant = app->device && strncmp(app->device, "cuda", 4) == 0 ? strrchr(app->device, ',') : NULL;

	snprintf(out, size, "%s%s", name, quant ? quant + 1 : "");
}

void
meter_show(struct app *app)
{
	char state[64] = "", context[64] = "", speed[32] = "", model[128] = "", *title = chat_title(app->chat);
	int n = used(app), n_ctx = app->card ? talk_n_ctx(app) : 0;
	struct ui_status status = {
		.name = title,
		.state = state,
		.context = context,
		.speed = speed,
		.model = app->card ? model : NULL,
		.private_session = app->private,
	};

	if (app->card)
		write_model(app, model, sizeof model);
	write_state(app, state, sizeof state);
	write_speed(app, speed, sizeof speed);
	if (n >= 0 && n_ctx > 0) {
		snprintf(context, sizeof context, "ctx %d/%d", n, n_ctx);
		status.context_percent = (int)((long long)n * 100 / n_ctx);
	}
	ui_set_status(app->ui, &status);
	free(title);
}
