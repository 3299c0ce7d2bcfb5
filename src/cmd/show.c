/* show.c: a session as text: the current branch, labels, pictures as lines. On a terminal through $PAGER or, without one,
 * with the pictures drawn where it has sixel. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/app.h"
#include "base/buf.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/paint.h"
#include "cmd/shelf.h"
#include "export/export.h"
#include "ui/ui.h"

/* What is printed, as it will be printed. */
struct page {
	struct buf out;
	const struct options *o;
	struct painter painter;
	struct store *pictures;         /* where they are, if the terminal can draw them; else NULL */
};

/* ---- the text */

static void
add_text(struct page *p, const char *s, size_t n)
{
	if (p->painter.visible)
		text_visible(&p->out, s, n);
	else
		buf_add(&p->out, s, n);
}

static void
add_label(struct page *p, enum paint kind, const char *label)
{
	buf_printf(&p->out, "%s%s%s\n", paint_on(&p->painter, kind), label, paint_off(&p->painter, kind));
}

/* A picture that is lost, or cannot be drawn, is its line alone. */
static void
draw_picture(struct page *p, const struct pic *pic)
{
	struct export look = {0};
	struct picture picture = {0};
	struct buf bytes = {0};

	app_look(&look);
	if (store_get_picture(p->pictures, pic, &bytes, NULL) == 0 &&
	    picture_decode_take(&picture, pic->name ? pic->name : "", &bytes, ORIENT_APPLY, NULL) == 0 &&
	    look.draw(&picture, &p->out) >= 0)
		buf_char(&p->out, '\n');
	picture_done(&picture);
	buf_done(&bytes);
}

static void
add_picture(struct page *p, const struct pic *pic)
{
	if (p->pictures)
		draw_picture(p, pic);
	buf_printf(&p->out, "%s[#%d ", paint_on(&p->painter, PAINT_FAINT), pic->n);
	if (pic->name)
		text_visible_line(&p->out, pic->name, strlen(pic->name));
	buf_printf(&p->out, " %dx%d sha %.6s]%s\n", pic->width, pic->height, pic->sha, paint_off(&p->painter, PAINT_FAINT));
}

static void
add_mark(struct page *p, const struct message *m)
{
	struct buf mark = {0};

	message_mark(m, false, &mark);
	if (mark.n > 0)
		buf_printf(&p->out, " %s%s%s", paint_on(&p->painter, PAINT_FAINT), buf_text(&mark),
		    paint_off(&p->painter, PAINT_FAINT));
	buf_done(&mark);
}

static void
add_message(struct page *p, const struct message *m)
{
	const bool raw = p->o->raw;

	if (!raw) {
		if (m->role == ROLE_USER)
			add_label(p, PAINT_USER, "User:");
		else
			add_label(p, PAINT_ANSWER, "Assistant:");
		for (int i = 0; i < m->n_pics; i++)
			add_picture(p, &m->pics[i]);
	}
	add_text(p, m->text, m->text_n);
	if (!raw)
		add_mark(p, m);
	buf_str(&p->out, raw ? "\n" : "\n\n");
}

static void
add_notes(struct page *p, const struct chat *chat, int id)
{
	const struct note *note;
	int from = 0;

	while (!p->o->raw && (note = chat_next_note(chat, id, &from))) {
		add_label(p, PAINT_HEAD, "Note:");
		add_text(p, note->text, note->text_n);
		buf_str(&p->out, "\n\n");
	}
}

/* The messages of the branch, or of its Nth turn; returns how many. */
static int
add_branch(struct page *p, const struct chat *chat)
{
	int *ids, n = chat_branch(chat, chat->head, &ids), turn = 0, shown = 0;

	if (!p->o->turn)
		add_notes(p, chat, 0);
	for (int i = 0; i < n; i++) {
		const struct message *m = chat_message(chat, ids[i]);

		turn += m->role == ROLE_USER;
		if (p->o->turn && turn != p->o->turn)
			continue;
		add_message(p, m);
		add_notes(p, chat, m->id);
		shown++;
	}
	free(ids);
	return shown;
}

static void
add_head(struct page *p, const struct chat *chat)
{
	char *title = chat_title(chat);

	buf_printf(&p->out, "%s%s%s  %s", paint_on(&p->painter, PAINT_NAME), chat->id, paint_off(&p->painter, PAINT_NAME),
	    paint_on(&p->painter, PAINT_HEAD));
	add_text(p, title, strlen(title));
	buf_printf(&p->out, "%s\n\n", paint_off(&p->painter, PAINT_HEAD));
	free(title);
}

/* ---- where it goes */

static const char *
pager(void)
{
	const char *name = getenv("PAGER");

	return name && *name && isatty(STDOUT_FILENO) ? name : NULL;
}

/* A pager would take them for letters. */
static bool
can_draw(const struct options *o)
{
	struct ui_terminal terminal;

	if (!isatty(STDOUT_FILENO) || pager() || o->raw)
		return false;
	if (strcmp(o->image_mode, "auto") != 0)
		return strcmp(o->image_mode, "sixel") == 0;
	return ui_probe(&terminal) && terminal.sixel;
}

static void
print(const struct page *p)
{
	FILE *to = pager() ? popen(pager(), "w") : NULL;

	fwrite(p->out.at, 1, p->out.n, to ? to : stdout);
	if (to)
		pclose(to);
}

static int
show(struct shelf *shelf, const struct options *o, struct error *err)
{
	struct page p = { .o = o, .painter = pager() ? painter_of_pager(o) : painter_of(o) };
	bool read_only;
	struct chat *chat;
	int failed = 0;

	if (shelf_open(shelf, o, err) < 0 || !(chat = shelf_read(shelf, o->operands[0], &read_only, err)))
		return -1;
	if (chat->n_pics > 0 && can_draw(o))
		p.pictures = shelf->store;
	if (!o->raw && !o->turn)
		add_head(&p, chat);
	if (add_branch(&p, chat) == 0 && o->turn)
		failed = error_set(err, CODE_INPUT, "session %s has %d turn%s, not %d", chat->id,
		    chat_n_turns(chat), chat_n_turns(chat) == 1 ? "" : "s", o->turn);
	else
		print(&p);
	buf_done(&p.out);
	chat_free(chat);
	return failed;
}

static int
run(const struct command *self, struct options *o)
{
	return shelf_run(self, o, show);
}

const struct command cmd_show = {"show", "WHICH", "Print a session as text.", OPT_SHOW, run};
