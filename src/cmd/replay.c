/* replay.c: a stored session again: played on the screen as it happened, answered again (--run), or computed again
 * and compared (--verify). */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "cmd/repeat.h"
#include "cmd/cmd.h"
#include "cmd/signals.h"

/* ---- with an engine */

int
repeat_turn(const struct chat *c, int id)
{
	int n = 0;

	for (const struct message *m = chat_message(c, id); m; m = chat_message(c, m->up))
		n += m->role == ROLE_USER;
	return n;
}

int
repeat_open(struct repeat *a, const struct options *o, struct error *err)
{
	bool read_only;

	*a = (struct repeat){.o = o};
	if (shelf_open(&a->shelf, o, err) < 0)
		return -1;
	a->chat = shelf_read(&a->shelf, o->operands[0], &read_only, err);
	if (!a->chat || asker_open(&a->asker, o, err) < 0)
		return -1;
	a->squares.size = card_info(a->asker.card)->image_size;
	a->squares.store = a->shelf.store;
	a->squares.orient = o->orient_ignore ? ORIENT_IGNORE : ORIENT_APPLY;
	return signals_open(err);
}

void
repeat_close(struct repeat *a)
{
	asker_close(&a->asker);
	squares_done(&a->squares);
	chat_free(a->chat);
	shelf_close(&a->shelf);
	signals_close();
}

static int
compute(const struct options *o)
{
	struct repeat a;
	struct error err = {0};
	int failed = repeat_open(&a, o, &err), status;

	if (!failed)
		failed = o->verify ? repeat_verify(&a, &err) : repeat_run(&a, &err);
	if (failed && err.code == CODE_STORE)
		error_hint(&err, "make room, or keep nothing: --no-save");
	status = failed ? cmd_fail(&err) : a.signal ? 128 + a.signal : a.negative ? CODE_NEGATIVE : CODE_OK;
	repeat_close(&a);
	return status;
}

/* ---- on the screen, or plainly */

/* The new session starts with the branch up to the message that was on the screen. */
static int
fork_at(struct shelf *shelf, const struct chat *chat, int leaf, char id[32], struct error *err)
{
	struct chat *fork = chat_fork(chat, leaf);
	struct session *w = session_new(shelf->store, fork);
	int rc = session_put_chat(w, fork, err);

	session_close(w);
	memcpy(id, fork->id, sizeof fork->id);
	chat_free(fork);
	return rc;
}

static int
print_plainly(const struct chat *chat, const struct options *o, struct error *err)
{
	struct buf text = {0};
	int rc = playback_print(chat, o->branch, o->from, o->to, &text, err);

	if (rc == 0)
		cmd_print(stdout, buf_text(&text), text.n);
	buf_done(&text);
	return rc;
}

static int
play_on_screen(struct shelf *shelf, struct chat *chat, const struct options *o, char fork[32], struct error *err)
{
	struct tokenizer *tokenizer = tokenizer_open(o->model, &(struct error){0});
	struct app_options screen = {
		.image_mode = o->image_mode, .theme = o->theme, .ascii = o->ascii, .orient_ignore = o->orient_ignore,
		.conf = o->conf,
	};
	struct replay_options options = {
		.screen = &screen, .chat = chat, .store = shelf->store, .tokenizer = tokenizer, .speed = o->speed,
		.idle_limit = o->idle_limit, .from = o->from, .to = o->to, .branch = o->branch, .loop = o->loop,
	};
	int go_on = 0, status = replay_run(&options, &go_on, err);

	tokenizer_free(tokenizer);
	if (status == CODE_OK && go_on && fork_at(shelf, chat, go_on, fork, err) < 0)
		return err->code;
	return status;
}

static int
play(struct options *o)
{
	struct shelf shelf = {0};
	struct error err = {0};
	struct chat *chat = NULL;
	bool read_only, screen = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !chat_is_plain(o);
	char fork[32] = "";
	int status = CODE_OK;

	if (shelf_open(&shelf, o, &err) < 0 || !(chat = shelf_read(&shelf, o->operands[0], &read_only, &err)))
		status = err.code;
	else if (screen)
		status = play_on_screen(&shelf, chat, o, fork, &err);
	else if (print_plainly(chat, o, &err) < 0)
		status = err.code;
	chat_free(chat);
	shelf_close(&shelf);
	if (fork[0])
		return chat_go_on(o, fork);
	return err.code && status == (int)err.code ? cmd_fail(&err) : status;
}

/* ---- which of the three */

static int
check(const struct options *o, struct error *err)
{
	if (o->n_operands != 1) {
		error_set(err, CODE_USAGE, "replay needs one session");
		return error_hint(err, "ivchat replay last");
	}
	if (o->again && o->verify)
		return error_set(err, CODE_USAGE, "--run and --verify do not go together");
	if (!o->again && (o->diff || o->history))
		return error_set(err, CODE_USAGE, "--%s goes with --run only", o->diff ? "diff" : "history");
	if (!o->verify && o->turn)
		return error_set(err, CODE_USAGE, "--turn goes with --verify; --from and --to choose what is played");
	if (o->json && !o->again && !o->verify)
		return error_set(err, CODE_USAGE, "--json goes with --run and --verify");
	return 0;
}

static int
run(const struct command *self, struct options *o)
{
	struct error err = {0};

	(void)self;
	if (check(o, &err) < 0)
		return cmd_fail(&err);
	return o->again || o->verify ? compute(o) : play(o);
}

const struct command cmd_replay = {
	"replay", "WHICH", "Play a session as it happened, answer it again, or verify it.",
	OPT_MODEL | OPT_TALK | OPT_REPLAY, run,
};
