/* copy.c: see copy.h. Text goes to the terminal by its own clipboard sequence, and to the program of this computer's
 * clipboard where one can be reached: nobody answers whether the terminal took it. */
#include "config.h"

#include "copy.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "clipboard.h"
#include "internal.h"

/* ---- code blocks */

/* The fence that a line begins with: how many marks, 0: none. */
static size_t
fence(const char *line, size_t n, char *mark)
{
	size_t indent = 0, k = 0;

	while (indent < n && indent < 4 && line[indent] == ' ')
		indent++;
	if (indent == n || indent == 4 || (line[indent] != '`' && line[indent] != '~'))
		return 0;
	*mark = line[indent];
	while (indent + k < n && line[indent + k] == *mark)
		k++;
	return k >= 3 ? k : 0;
}

static size_t
line_length(const char *s, size_t n)
{
	const char *end = memchr(s, '\n', n);

	return end ? (size_t)(end - s) + 1 : n;
}

int
copy_find_code(const char *text, size_t n, int which, const char **at, size_t *at_n)
{
	const char *begin = NULL;       /* of the block that is open */
	size_t open = 0;                /* marks of its fence */
	char open_mark = 0, mark = 0;
	int count = 0;

	*at = NULL;
	*at_n = 0;
	for (size_t i = 0; i < n;) {
		const size_t length = line_length(text + i, n - i), marks = fence(text + i, length, &mark);
		const bool ends = open && marks >= open && mark == open_mark;

		if (count == which && begin && *at)
			*at_n = (size_t)(text + i - begin);
		i += length;
		if (ends) {
			open = 0;
			begin = NULL;
		} else if (!open && marks) {
			open = marks;
			open_mark = mark;
			begin = text + i;
			if (++count == which)
				*at = begin;
		}
	}
	if (count == which && begin && *at)
		*at_n = (size_t)(text + n - begin);
	return count;
}

/* ---- into the clipboard */

static void
tell(struct app *app, const char *what, size_t n, size_t went)
{
	char *text;

	if (went == 0 && n > 0)
		text = xasprintf("%s is not copied: no clipboard can be reached from here", what);
	else if (went < n)
		text = xasprintf("copied the first %zu KiB of %s: terminals take no more", went >> 10, what);
	else
		text = xasprintf("copied %s, %zu bytes", what, n);
	ui_flash(app->ui, text);
	free(text);
}

static void
copy(struct app *app, const char *what, const char *text, size_t n)
{
	size_t went = ui_copy(app->ui, text, n);

	if (clipboard_write(text, n))
		went = n;
	tell(app, what, n, went);
}

/* Block `which` of a message; 0: the one after the last that was copied of it. */
static int
copy_code(struct app *app, const struct message *m, int which, struct error *err)
{
	const char *at;
	size_t n;
	char what[64];
	int count = copy_find_code(m->text, m->text_n, 0, &at, &n);

	if (count == 0)
		return error_set(err, CODE_INPUT, "there is no code block in this message");
	if (which == 0)
		which = app->copied.message == m->id ? app->copied.block % count + 1 : 1;
	if (which > count)
		return error_set(err, CODE_INPUT, "there are only %d code blocks in this message", count);
	copy_find_code(m->text, m->text_n, which, &at, &n);
	app->copied = (struct copied){ m->id, which };
	snprintf(what, sizeof what, "code block %d of %d", which, count);
	copy(app, count == 1 ? "the code block" : what, at, n);
	return 0;
}

/* ---- keys */

static const struct message *
message_of(struct app *app, int entry)
{
	const struct message *m = chat_message(app->chat, present_id(app, entry));

	if (!m)
		ui_flash(app->ui, "only messages can be copied: [ and ] go to them");
	return m;
}

void
copy_entry(struct app *app, int entry)
{
	const struct message *m = message_of(app, entry);

	if (m)
		copy(app, m->role == ROLE_USER ? "the question" : "the answer", m->text, m->text_n);
}

void
copy_code_of(struct app *app, int entry)
{
	const struct message *m = message_of(app, entry);
	struct error err;

	if (m && copy_code(app, m, 0, &err) != 0)
		ui_flash(app->ui, err.what);
}

/* ---- /copy */

static const struct message *
last_answer(const struct app *app, struct error *err)
{
	const struct message *m = chat_message(app->chat, app->chat->head);

	while (m && m->role != ROLE_ANSWER)
		m = chat_message(app->chat, m->up);
	if (!m)
		error_set(err, CODE_INPUT, "there is no answer to copy yet");
	return m;
}

static void
copy_all(struct app *app)
{
	int *ids, n = chat_branch(app->chat, app->chat->head, &ids);
	struct buf out = {0};

	for (int i = 0; i < n; i++) {
		const struct message *m = chat_message(app->chat, ids[i]);

		buf_printf(&out, "%s%s:\n", i ? "\n\n" : "", m->role == ROLE_USER ? "User" : "Assistant");
		buf_add(&out, m->text, m->text_n);
	}
	copy(app, "the conversation", buf_text(&out), out.n);
	buf_done(&out);
	free(ids);
}

/* "code", "code 2" */
static int
copy_code_word(struct app *app, const char *number, struct error *err)
{
	const struct message *m = last_answer(app, err);
	char *end;
	long which = strtol(number, &end, 10);

	if (!m)
		return -1;
	if (*end || (*number && (which < 1 || which > 10000)))
		return error_set(err, CODE_INPUT, "/copy code takes the number of a code block, from 1");
	return copy_code(app, m, *number ? (int)which : 1, err);
}

int
command_copy(struct app *app, const char *operands, struct error *err)
{
	const size_t word = strcspn(operands, " ");
	const char *rest = operands + word + strspn(operands + word, " ");
	const struct message *m;

	if (strncmp(operands, "code", word) == 0 && word == 4)
		return copy_code_word(app, rest, err);
	if (strcmp(operands, "all") == 0) {
		copy_all(app);
		return 0;
	}
	if (*operands && strcmp(operands, "last") != 0)
		return error_set(err, CODE_INPUT, "/copy takes last, code [N] or all");
	m = last_answer(app, err);
	if (m)
		copy(app, "the answer", m->text, m->text_n);
	return m ? 0 : -1;
}
