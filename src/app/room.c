/* room.c: when the context is full. A question that leaves no room for an answer is not sent: what context.overflow says
 * decides, and with `ask` the person, in a list. Dropped turns stay on the screen and in the session; the drop is a
 * record. The invariant: no turn goes without a rule on the screen, and a held question is sent or back in the input. */
#include "config.h"

#include "room.h"

#include <stdlib.h>
#include <string.h>

#include "actions.h"
#include "base/alloc.h"
#include "base/text.h"
#include "internal.h"

#define ROOM_FOR_ANSWER 64      /* tokens */

enum choice { CHOICE_DROP, CHOICE_SHORTEN, CHOICE_NEW, CHOICE_CANCEL };

static const char *const names[] = {
	[OVERFLOW_ASK] = "ask", [OVERFLOW_DROP] = "drop", [OVERFLOW_STOP] = "stop",
};

const char *
room_overflow_name(enum overflow o)
{
	return names[o];
}

int
room_overflow_from(const char *name)
{
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

int
room_missing(const struct app *app, const struct prompt *prompt)
{
	int missing = (int)prompt->ids.n + ROOM_FOR_ANSWER - talk_n_ctx(app);

	return missing > 0 ? missing : 0;
}

static int
not_sent(const struct app *app, int n_prompt, struct error *err)
{
	error_set(err, CODE_INPUT, "not sent: %d of %d tokens of context would be used, an answer needs %d", n_prompt,
	    talk_n_ctx(app), ROOM_FOR_ANSWER);
	return error_hint(err, "a shorter message, /detach, /drop N, /undo, or /new for a fresh conversation");
}

int
room_check(const struct app *app, const struct prompt *prompt, struct error *err)
{
	return room_missing(app, prompt) == 0 ? 0 : not_sent(app, (int)prompt->ids.n, err);
}

/* ---- dropping */

static int
place_of(const struct app *app, int edited)
{
	return edited ? chat_message(app->chat, edited)->up : app->chat->head;
}

static void
drop(struct app *app, int place, const int *ids, int n, bool back)
{
	struct drop *d = chat_add_drop(app->chat, place, ids, n);

	d->back = back;
	keep_drop(app, d);
	talk_repaint(app);
	meter_touch(app);
}

/* What would go for q: fills the room's list. 0, or -1 when all that may go is not enough. */
static int
choose(struct app *app, const struct queued *q, int missing, struct error *err)
{
	struct room *r = &app->room;
	struct turn_size *turns;
	int n = chat_measure(app->chat, place_of(app, q->edited), app->card, gallery_pixels, app, &turns, err);

	free(r->drop);
	r->drop = NULL;
	r->n_drop = 0;
	if (n < 0)
		return -1;
	r->drop = xcalloc((size_t)n + 1, sizeof *r->drop);
	r->n_drop = budget_drop(turns, n, missing, r->drop);
	free(turns);
	return r->n_drop > 0 ? 0 : -1;
}

/* ---- asking */

static void
name_pictures(const struct app *app, struct buf *out)
{
	const char *before = " with ";

	for (int i = 0; i < app->room.n_drop; i++) {
		const struct message *m = chat_message(app->chat, app->room.drop[i]);

		for (int k = 0; k < m->n_pics; k++) {
			const char *name = m->pics[k].name ? m->pics[k].name : "a picture";

			buf_printf(out, "%s#%d ", before, m->pics[k].n);
			text_visible_line(out, name, strlen(name));
			before = ", ";
		}
	}
	buf_str(out, "\t/pin keeps a turn");
}

static char *
describe(const struct app *app, enum choice choice)
{
	struct buf out = {0};
	int n = app->room.n_drop;

	switch (choice) {
	case CHOICE_DROP:
		buf_printf(&out, n == 1 ? "Drop the oldest turn" : "Drop the %d oldest turns", n);
		name_pictures(app, &out);
		break;
	case CHOICE_SHORTEN:
		buf_str(&out, "Shorten the message");
		break;
	case CHOICE_NEW:
		buf_str(&out, "Send it in a new session");
		break;
	case CHOICE_CANCEL:
		buf_str(&out, "Cancel");
		break;
	}
	return buf_take(&out);
}

static void
offer(struct app *app, bool can_drop)
{
	struct room *r = &app->room;
	char *items[ROOM_MOST_CHOICES + 1] = {0}, *title;
	int n = 0;

	for (int choice = can_drop ? CHOICE_DROP : CHOICE_SHORTEN; choice <= CHOICE_CANCEL; choice++) {
		items[n] = describe(app, (enum choice)choice);
		r->choices[n++] = choice;
	}
	title = xasprintf("The context is full, %d token%s too many", r->missing, r->missing == 1 ? "" : "s");
	actions_pick(app, title, (const char *const *)items, n, 0, room_picked);
	free(title);
	for (int i = 0; i < n; i++)
		free(items[i]);
}

int
room_make(struct app *app, struct queued *q, int missing, struct error *err)
{
	struct room *r = &app->room;
	bool can_drop;

	if (r->overflow == OVERFLOW_STOP)
		return not_sent(app, talk_n_ctx(app) - ROOM_FOR_ANSWER + missing, err);
	can_drop = choose(app, q, missing, err) == 0;
	if (r->overflow == OVERFLOW_ASK) {
		r->missing = missing;
		r->question = *q;
		r->asking = true;
		*q = (struct queued){0};
		offer(app, can_drop);
		return 1;
	}
	if (!can_drop)
		return not_sent(app, talk_n_ctx(app) - ROOM_FOR_ANSWER + missing, err);
	drop(app, place_of(app, q->edited), r->drop, r->n_drop, false);
	return 0;
}

bool
room_asks(const struct app *app)
{
	return app->room.asking;
}

/* ---- the choice */

static void
send_in_new_session(struct app *app, struct queued *q)
{
	struct error err;

	if (sessions_check(app, &err) != 0) {
		present_error(app, &err);
		talk_give_back(app, q);
		talk_recall(app);
		return;
	}
	q->edited = 0;
	for (int i = 0; i < q->pictures.n; i++)
		q->pictures.at[i].pic.n = 0;
	talk_recall(app);
	sessions_next(app);
	sessions_show(app);
	talk_ask(app, q);
}

static void
take(struct app *app, enum choice choice, struct queued *q)
{
	struct room *r = &app->room;

	switch (choice) {
	case CHOICE_DROP:
		drop(app, place_of(app, q->edited), r->drop, r->n_drop, false);
		if (talk_ask(app, q) < 0)
			talk_recall(app);
		break;
	case CHOICE_NEW:
		send_in_new_session(app, q);
		break;
	case CHOICE_SHORTEN:
	case CHOICE_CANCEL:
		talk_recall(app);
		talk_give_back(app, q);
		break;
	}
}

void
room_picked(struct app *app, int i)
{
	struct room *r = &app->room;
	struct queued q = r->question;

	r->asking = false;
	r->question = (struct queued){0};
	take(app, i < 0 ? CHOICE_CANCEL : (enum choice)r->choices[i], &q);
}

/* ---- by hand */

static int
check_turn(struct app *app, int id, struct error *err)
{
	if (app->talk.running)
		return error_set(err, CODE_INPUT, "an answer is running: Ctrl-C stops it");
	if (sessions_check_writable(app, err) != 0)
		return -1;
	if (!id)
		return error_set(err, CODE_INPUT, "there is no such turn; /context lists them");
	return 0;
}

int
room_drop(struct app *app, int id, struct error *err)
{
	bool *left_out;
	bool dropped;

	if (check_turn(app, id, err) != 0)
		return -1;
	if (chat_message(app->chat, id)->pinned)
		return error_set(err, CODE_INPUT, "this turn is pinned; /pin with its number lets it go");
	left_out = chat_left_out(app->chat, app->chat->head);
	dropped = left_out[id];
	free(left_out);
	drop(app, app->chat->head, &id, 1, dropped);
	if (dropped)
		ui_flash(app->ui, "the model sees this turn again");
	return 0;
}

int
room_pin(struct app *app, int id, struct error *err)
{
	const struct message *m = chat_message(app->chat, id);

	if (check_turn(app, id, err) != 0)
		return -1;
	chat_pin(app->chat, id, !m->pinned);
	keep_pin(app, m);
	if (present_entry(app, id))
		present_mark(app, present_entry(app, id), m);
	ui_flash(app->ui, m->pinned ? "pinned: this turn stays in the context" : "no longer pinned");
	return 0;
}

/* ---- what takes how much */

static void
write_turn(const struct app *app, struct buf *out, int turn, const struct turn_size *size)
{
	const struct message *m = chat_message(app->chat, size->id);
	char *title = chat_title_from(m->text, m->text_n);

	buf_printf(out, "\n%6d  turn %-3d %s%s%s", size->n_tokens, turn, title,
	    size->pinned ? "  [pinned]" : "", size->dropped ? "  [dropped]" : "");
	for (int i = 0; i < m->n_pics; i++)
		buf_printf(out, "  #%d", m->pics[i].n);
	free(title);
}

char *
room_table(struct app *app, struct error *err)
{
	struct turn_size *turns;
	int total = talk_count(app, err), n_ctx, in_turns = 0;
	int n = total < 0 ? -1 : chat_measure(app->chat, app->chat->head, app->card, gallery_pixels, app, &turns, err);
	struct buf out = {0};

	if (n < 0)
		return NULL;
	n_ctx = talk_n_ctx(app);
	for (int i = 0; i < n; i++)
		in_turns += turns[i].n_tokens;
	buf_printf(&out, "tokens\n%6d  system message, template%s", total - in_turns,
	    app->staged.n ? ", pictures that wait to be sent" : "");
	for (int i = 0; i < n; i++)
		write_turn(app, &out, i + 1, &turns[i]);
	buf_printf(&out, "\n%6d  of %d; %d are left", total, n_ctx, n_ctx > total ? n_ctx - total : 0);
	free(turns);
	return buf_take(&out);
}

void
room_done(struct room *r)
{
	queued_done(&r->question);
	free(r->drop);
	*r = (struct room){0};
}
