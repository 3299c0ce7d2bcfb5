/* show.c: a session as text: the current branch, labels, pictures as lines. Through $PAGER on a terminal. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/shelf.h"

/* ---- the text */

static void
add_picture(struct buf *out, const struct pic *pic)
{
	buf_printf(out, "[#%d ", pic->n);
	if (pic->name)
		text_visible_line(out, pic->name, strlen(pic->name));
	buf_printf(out, " %dx%d sha %.6s]\n", pic->width, pic->height, pic->sha);
}

static void
add_mark(struct buf *out, const struct message *m)
{
	struct buf mark = {0};

	message_mark(m, false, &mark);
	if (mark.n > 0)
		buf_printf(out, " %s", buf_text(&mark));
	buf_done(&mark);
}

static void
add_message(struct buf *out, const struct message *m, bool raw)
{
	if (!raw) {
		buf_str(out, m->role == ROLE_USER ? "User:\n" : "Assistant:\n");
		for (int i = 0; i < m->n_pics; i++)
			add_picture(out, &m->pics[i]);
	}
	buf_add(out, m->text, m->text_n);
	if (!raw)
		add_mark(out, m);
	buf_str(out, raw ? "\n" : "\n\n");
}

/* The messages of the branch, or of its Nth turn; returns how many. */
static int
add_branch(struct buf *out, const struct chat *chat, const struct options *o)
{
	int *ids, n = chat_branch(chat, chat->head, &ids), turn = 0, shown = 0;

	for (int i = 0; i < n; i++) {
		const struct message *m = chat_message(chat, ids[i]);

		turn += m->role == ROLE_USER;
		if (o->turn && turn != o->turn)
			continue;
		add_message(out, m, o->raw);
		shown++;
	}
	free(ids);
	return shown;
}

static void
add_head(struct buf *out, const struct chat *chat)
{
	char *title = chat_title(chat);

	buf_printf(out, "%s  %s\n\n", chat->id, title);
	free(title);
}

/* ---- where it goes */

static int
page(const struct buf *text)
{
	const char *pager = getenv("PAGER");
	FILE *to = pager && pager[0] && isatty(STDOUT_FILENO) ? popen(pager, "w") : NULL;

	if (!to)
		return -1;
	fwrite(text->at, 1, text->n, to);
	pclose(to);
	return 0;
}

static void
print(struct buf *text)
{
	struct buf visible = {0};

	if (!isatty(STDOUT_FILENO)) {
		fwrite(text->at, 1, text->n, stdout);
		return;
	}
	text_visible(&visible, text->at, text->n);
	if (page(&visible) < 0)
		fwrite(visible.at, 1, visible.n, stdout);
	buf_done(&visible);
}

static int
show(struct shelf *shelf, const struct options *o, struct error *err)
{
	struct buf text = {0};
	bool read_only;
	struct chat *chat;
	int failed = 0;

	if (shelf_open(shelf, o, err) < 0 || !(chat = shelf_read(shelf, o->operands[0], &read_only, err)))
		return -1;
	if (!o->raw && !o->turn)
		add_head(&text, chat);
	if (add_branch(&text, chat, o) == 0 && o->turn)
		failed = error_set(err, CODE_INPUT, "session %s has %d turn%s, not %d", chat->id,
		    chat_n_turns(chat), chat_n_turns(chat) == 1 ? "" : "s", o->turn);
	else
		print(&text);
	buf_done(&text);
	chat_free(chat);
	return failed;
}

static int
run(const struct command *self, struct options *o)
{
	struct shelf shelf = {0};
	struct error err = {0};
	int failed;

	if (o->n_operands != 1) {
		error_set(&err, CODE_USAGE, "%s needs one session", self->name);
		error_hint(&err, "ivchat %s last", self->name);
		return cmd_fail(&err);
	}
	failed = show(&shelf, o, &err);
	shelf_close(&shelf);
	return failed ? cmd_fail(&err) : CODE_OK;
}

const struct command cmd_show = {"show", "WHICH", "Print a session as text.", OPT_SHOW, run};
