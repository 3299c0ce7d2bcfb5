/* turns.c: the slash commands about turns: editing, going on, forking, and what the context holds. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "again.h"
#include "base/alloc.h"
#include "branches.h"
#include "commands.h"
#include "internal.h"

/* The question of the turn that the operand names; without one the last. 0 with err set when there is none. */
static int
read_turn(const struct app *app, const char *operand, struct error *err)
{
	char *end;
	long n = strtol(operand, &end, 10);
	int id = 0;

	if (!*operand)
		id = chat_question_of(app->chat, app->chat->head);
	else if (!*end && n >= 1 && n <= app->chat->n_messages)
		id = branches_turn(app, (int)n);
	if (id)
		return id;
	if (*operand)
		error_set(err, CODE_INPUT, "there is no turn %s", operand);
	else
		error_set(err, CODE_INPUT, "there is no turn yet");
	error_hint(err, "/context lists them");
	return 0;
}

int
command_edit(struct app *app, const char *operands, struct error *err)
{
	int id = read_turn(app, operands, err);

	return id ? edit_begin(app, id, err) : -1;
}

int
command_continue(struct app *app, const char *operands, struct error *err)
{
	(void)operands;
	return again_continue(app, app->chat->head, err);
}

int
command_fork(struct app *app, const char *operands, struct error *err)
{
	return branches_fork(app, app->chat->head, operands, err);
}

int
command_verify(struct app *app, const char *operands, struct error *err)
{
	char *end;
	long n = strtol(operands, &end, 10);

	if (*end || (*operands && n < 1) || n > app->chat->n_messages)
		return error_set(err, CODE_INPUT, "there is no turn %s", operands);
	return verify_begin(app, (int)n, err);
}

int
command_pin(struct app *app, const char *operands, struct error *err)
{
	int id = read_turn(app, operands, err);

	return id ? room_pin(app, id, err) : -1;
}

int
command_drop(struct app *app, const char *operands, struct error *err)
{
	int id;

	if (!*operands)
		return error_set(err, CODE_INPUT, "/drop needs the number of a turn; /context lists them");
	id = read_turn(app, operands, err);
	return id ? room_drop(app, id, err) : -1;
}

static int
check_card(const struct app *app, struct error *err)
{
	return app->card ? 0 : error_set(err, CODE_INPUT, "there is no model to count tokens with");
}

int
command_context(struct app *app, const char *operands, struct error *err)
{
	char *table;

	(void)operands;
	if (check_card(app, err) != 0)
		return -1;
	table = room_table(app, err);
	if (!table)
		return -1;
	present_note(app, "%s", table);
	free(table);
	return 0;
}

/* The newest answer of the branch that has tokens. */
static const struct message *
last_answer(const struct app *app)
{
	const struct message *m = chat_message(app->chat, app->chat->head);

	while (m && (m->role != ROLE_ANSWER || m->n_ids == 0))
		m = chat_message(app->chat, m->up);
	return m;
}

int
command_tokens(struct app *app, const char *operands, struct error *err)
{
	const struct message *m = last_answer(app);
	struct buf out = {0};
	int used;

	(void)operands;
	if (check_card(app, err) != 0)
		return -1;
	used = talk_count(app, err);
	if (used < 0)
		return -1;
	buf_printf(&out, "next prompt  %d of %d tokens", used, talk_n_ctx(app));
	if (m && m->n_prompt > 0)
		buf_printf(&out, "\nlast prompt  %d, of them reused %d", m->n_prompt, m->n_reused);
	if (m)
		buf_printf(&out, "\nlast answer  %d", m->n_ids);
	if (m && m->ms && meter_speed(m) > 0)
		buf_printf(&out, meter_speed(m) < 10 ? ", %.1f a second" : ", %.0f a second", meter_speed(m));
	present_note(app, "%s", buf_text(&out));
	buf_done(&out);
	return 0;
}

/* ---- notes */

static void
list_notes(struct app *app)
{
	int *ids, n = chat_branch(app->chat, app->chat->head, &ids), turn = 0;
	struct buf out = {0};

	for (int i = -1; i < n; i++) {
		const struct message *m = i < 0 ? NULL : chat_message(app->chat, ids[i]);
		const struct note *note;
		int from = 0;

		turn += m && m->role == ROLE_USER;
		while ((note = chat_next_note(app->chat, m ? m->id : 0, &from))) {
			buf_printf(&out, "%sturn %d: ", out.n ? "\n" : "", turn);
			buf_add(&out, note->text, note->text_n);
		}
	}
	present_note(app, "%s", out.n ? buf_text(&out) : "There are no notes; /note TEXT writes one.");
	buf_done(&out);
	free(ids);
}

int
command_note(struct app *app, const char *operands, struct error *err)
{
	if (!*operands) {
		list_notes(app);
		return 0;
	}
	if (app->chat->n_messages == 0)
		return error_set(err, CODE_INPUT, "a note stands below a message, and there is none yet");
	if (sessions_check_writable(app, err) != 0)
		return -1;
	present_remark(app, chat_add_note(app->chat, app->chat->head, NULL, operands, strlen(operands)));
	keep_notes(app);
	return 0;
}
