/* plain.c: see plain.h. A pipe is answered in order: its next line is taken when nobody is at work any more, so that a
 * command finds what the lines before it made, and its end finds every answer said. */
#include "config.h"

#include "plain.h"

#include "internal.h"

static bool
is_working(const struct app *app)
{
	return app->engine == ENGINE_LOADING || talk_is_busy(app) || app->talk.n_queued > 0 ||
	    app->present.undrawn > 0 || app->n_images_opened < app->options->n_images ||
	    (app->options->say && !app->said);
}

/* Nobody sits before a pipe who could do something about a model that is missing. */
void
plain_tick(struct app *app)
{
	if (!app->options->plain)
		return;
	ui_hold(app->ui, is_working(app));
	if (app->options->piped && app->engine == ENGINE_NONE && app->leave < 0)
		app->leave = CODE_OK;
}

/* A terminal hears it all, each picture with its message, while on a screen they follow by and by; but not before the
 * model is known, whose squares are made of them too. A pipe wants answers to what it asks, not what was said before. */
void
plain_chat(struct app *app)
{
	if (app->options->piped && app->present.undrawn > 0) {
		ui_clear(app->ui);
		app->present.undrawn = 0;
	}
	if (app->options->plain && (app->card || app->engine != ENGINE_LOADING))
		while (present_step(app))
			;
}
