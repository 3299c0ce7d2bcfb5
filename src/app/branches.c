/* branches.c: going from a branch to the one beside it, and a branch as a session of its own. */
#include "config.h"

#include "branches.h"

#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* The place of `id` among n ids. */
static int
place_of(const int *ids, int n, int id)
{
	int at = 0;

	while (at < n && ids[at] != id)
		at++;
	return at;
}

/* The message beside `id`, or -1. */
static int
sibling(const struct app *app, int id, int by, struct error *err)
{
	int *ids, n = chat_siblings(app->chat, id, &ids), at = place_of(ids, n, id) + by, found = -1;

	if (n < 2)
		error_set(err, CODE_INPUT, "no other branch begins at this message");
	else if (at < 0 || at >= n)
		error_set(err, CODE_INPUT, by < 0 ? "this is the first of %d branches" : "this is the last of %d branches", n);
	else
		found = ids[at];
	free(ids);
	return found;
}

int
branches_step(struct app *app, int id, int by, struct error *err)
{
	int beside;

	if (talk_is_busy(app))
		return error_set(err, CODE_INPUT, "an answer is running: Ctrl-C stops it");
	beside = sibling(app, id, by, err);
	if (beside < 0)
		return -1;
	chat_set_head(app->chat, chat_leaf_below(app->chat, beside));
	keep_head(app);
	app->talk.answer = 0;
	talk_repaint(app);
	ui_select(app->ui, present_entry(app, beside));
	meter_touch(app);
	meter_show(app);
	return 0;
}

int
branches_turn(const struct app *app, int turn)
{
	int *ids, n = chat_branch(app->chat, app->chat->head, &ids), found = 0;

	for (int i = 0; i < n && !found; i++)
		if (chat_message(app->chat, ids[i])->role == ROLE_USER && --turn == 0)
			found = ids[i];
	free(ids);
	return found;
}

/* A turn is forked whole: a question with its answer on this branch. */
static int
end_of_turn(const struct app *app, int id)
{
	int *ids, n = chat_branch(app->chat, app->chat->head, &ids), at = place_of(ids, n, id), end = id;

	if (at + 1 < n && chat_message(app->chat, ids[at + 1])->role == ROLE_ANSWER)
		end = ids[at + 1];
	free(ids);
	return end;
}

int
branches_fork(struct app *app, int id, const char *name, struct error *err)
{
	char old[32];

	if (app->chat->head == 0)
		return error_set(err, CODE_INPUT, "there is nothing to fork yet");
	if (sessions_check(app, err) != 0)
		return -1;
	memcpy(old, app->chat->id, sizeof old);
	talk_recall(app);
	sessions_fork(app, end_of_turn(app, id), name);
	sessions_show(app);
	present_note(app, "This is a new session of its own%s%s.", *old ? "; the other one is " : "", old);
	return 0;
}
