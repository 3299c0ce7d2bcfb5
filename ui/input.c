/* input.c: see input.h. The only file that speaks to readline.
 *
 * readline edits; what it would draw, list, read or set is taken from it. Bytes reach it as whole characters, from a
 * queue that is empty again before anything else is done. Enter, pastes, completion and moving between lines are done
 * here, by its public functions on its line. */
#include "config.h"

#include "ui/input.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <readline/readline.h>
#include <readline/history.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/text.h"
#include "ui/field.h"
#include "ui/menu.h"

#define PROMPT "> "

/* A long paste, drawn as one word while it stands unchanged in the line and the caret is not inside. */
struct fold {
	char *text;
	size_t n;
	int lines;
};

struct input {
	menu_complete *complete;
	void *complete_arg;
	FILE *null;
	struct buf queue;       /* bytes for readline, from `taken` on */
	size_t taken;
	char *sent;
	size_t sent_n;
	struct buf told;        /* the text when input_changed was asked last */
	struct menu menu;
	struct fold fold;       /* text NULL: none */
	int fold_lines;         /* a paste of more is folded; 0: none is */
	int at;                 /* the line of the history that is shown; history_length: none, but the draft */
	char *draft;            /* what was written before the history was looked at, or NULL */

	struct buf prompt;      /* of a search of the history: work space */
	int width;              /* of the last layout */
	struct slices slices;   /* its rows */
	int first;              /* the first row that is shown */
	int goal;               /* the column that moving up and down keeps to, or -1 */

	char **undone;          /* what the line was before each undo, oldest first */
	int n_undone;
	char *undone_line;      /* what it was after the last of them: any other line ends redoing */
};

/* readline calls back without an argument. */
static struct input *the_input;

/* ---------------------------------------------------------------- what readline calls */

static int
take_byte(FILE *stream)
{
	struct input *in = the_input;

	(void)stream;
	return in->taken < in->queue.n ? (unsigned char)in->queue.at[in->taken++] : EOF;
}

static int
have_byte(void)
{
	return the_input->taken < the_input->queue.n;
}

static void
keep_sent(char *line)
{
	if (!line)
		return;
	free(the_input->sent);
	the_input->sent = line;
	the_input->sent_n = strlen(line);
}

static void
draw_nothing(void)
{
}

static void
prepare_nothing(int meta)
{
	(void)meta;
}

static void
restore_nothing(void)
{
}

/* A grapheme is what a person takes for a character; readline moves by code points. */
static int
forward_grapheme(int count, int key)
{
	int cols;

	(void)key;
	for (; count > 0 && rl_point < rl_end; count--)
		rl_point += (int)text_grapheme(rl_line_buffer + rl_point, (size_t)(rl_end - rl_point), &cols);
	return 0;
}

static int
backward_grapheme(int count, int key)
{
	(void)key;
	for (; count > 0 && rl_point > 0; count--)
		rl_point -= (int)text_grapheme_before(rl_line_buffer, (size_t)rl_point);
	return 0;
}

/* Replaces bytes [start, end) of the line, as one step of undo; the caret stands behind the new ones. */
static void
replace(size_t start, size_t end, const char *text)
{
	rl_begin_undo_group();
	rl_delete_text((int)start, (int)end);
	rl_point = (int)start;
	rl_insert_text(text);
	rl_end_undo_group();
}

/* What readline has undone can be done again until something else changes the line. */
static int
redo(int count, int key)
{
	struct input *in = the_input;
	char *text;

	(void)count;
	(void)key;
	if (in->n_undone == 0 || strcmp(in->undone_line, rl_line_buffer) != 0)
		return 0;
	text = in->undone[--in->n_undone];
	replace(0, (size_t)rl_end, text);
	free(in->undone_line);
	in->undone_line = text;
	return 0;
}

static int
nothing(int count, int key)
{
	(void)count;
	(void)key;
	return 0;
}

static void
forget_undone(struct input *in)
{
	while (in->n_undone > 0)
		free(in->undone[--in->n_undone]);
}

/* The line was `before` until the last command; takes it over. */
static void
note_undo(struct input *in, char *before)
{
	if (rl_last_func != rl_undo_command || strcmp(before, rl_line_buffer) == 0) {
		free(before);
		return;
	}
	if (in->n_undone > 0 && strcmp(before, in->undone_line) != 0)
		forget_undone(in);
	in->undone = xreallocarray(in->undone, (size_t)in->n_undone + 1, sizeof *in->undone);
	in->undone[in->n_undone++] = before;
	free(in->undone_line);
	in->undone_line = xstrdup(rl_line_buffer);
}

/* Shows the line of the history that is `by` away from the one that is shown. What was changed in that one is lost. */
static void
go_in_history(struct input *in, int by)
{
	int to = in->at + by;

	if (to < 0 || to > history_length)
		return;
	if (in->at == history_length) {
		free(in->draft);
		in->draft = xstrdup(rl_line_buffer);
	}
	in->at = to;
	replace(0, (size_t)rl_end, to == history_length ? in->draft : history_get(history_base + to)->line);
}

static int
older_line(int count, int key)
{
	(void)key;
	go_in_history(the_input, -count);
	return 0;
}

static int
newer_line(int count, int key)
{
	(void)key;
	go_in_history(the_input, count);
	return 0;
}

/* Completion is ours; readline's own would read folders at commands that we do not offer. */
static char **
complete_nothing(const char *text, int start, int end)
{
	(void)text;
	(void)start;
	(void)end;
	rl_attempted_completion_over = 1;
	return NULL;
}

/* ---------------------------------------------------------------- life */

static bool
in_vi_mode(void)
{
	return rl_editing_mode == 0;
}

/* vi takes ESC and a letter for two keys, so only what begins like a terminal's key is bound there. */
static void
bind_key(const char *seq, const char *command, bool own)
{
	rl_command_func_t *fn = rl_named_function(command);

	if (fn && (own || (fn == redo && !in_vi_mode())))
		rl_bind_keyseq(seq, fn);
	else if (fn && (!in_vi_mode() || strncmp(seq, "\033[", 2) == 0 || strncmp(seq, "\033O", 2) == 0))
		rl_bind_keyseq_if_unbound(seq, fn);
}

/* In the keymap of typed text, emacs's or vi's insertion. */
static void
bind_graphemes(void)
{
	static const char *const right[] = { "\\e[C", "\\eOC" }, *const left[] = { "\\e[D", "\\eOD" };

	for (int i = 0; i < 2; i++) {
		rl_bind_keyseq(right[i], forward_grapheme);
		rl_bind_keyseq(left[i], backward_grapheme);
	}
	if (!in_vi_mode()) {
		rl_bind_key('F' & 0x1f, forward_grapheme);
		rl_bind_key('B' & 0x1f, backward_grapheme);
	}
}

/* The table's bytes as rl_bind_keyseq reads them. */
static void
bind_escaped(void *arg, const char *seq, const char *command, bool own)
{
	struct buf escaped = {0};

	(void)arg;
	for (; *seq; seq++)
		buf_printf(&escaped, "\\%03o", (unsigned char)*seq);
	bind_key(escaped.at, command, own);
	buf_done(&escaped);
}

/* Out of reach: what would send; what completes, which is ours; and all that moves in readline's history, which keeps
 * edited lines with their undo lists in it and frees some of them twice. Ctrl-R stays: see detach(). */
static void
forbid_commands(void)
{
	rl_command_func_t *const commands[] = {
		rl_insert_comment, rl_operate_and_get_next, rl_vi_complete, rl_vi_tilde_expand, rl_complete,
		rl_possible_completions, rl_insert_completions, rl_noninc_forward_search, rl_noninc_reverse_search,
		rl_vi_search, rl_vi_search_again, rl_vi_fetch_history, rl_get_previous_history, rl_get_next_history,
		rl_beginning_of_history, rl_end_of_history, rl_history_search_forward, rl_history_search_backward,
	};
	Keymap const maps[] = {
		emacs_standard_keymap, emacs_meta_keymap, emacs_ctlx_keymap, vi_insertion_keymap, vi_movement_keymap,
	};

	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
		for (size_t m = 0; m < sizeof maps / sizeof *maps; m++)
			rl_unbind_function_in_map(commands[i], maps[m]);
}

/* Its commands for the history are ours. */
static void
bind_history(void)
{
	rl_bind_key_in_map('P' & 0x1f, older_line, emacs_standard_keymap);
	rl_bind_key_in_map('N' & 0x1f, newer_line, emacs_standard_keymap);
	rl_bind_key_in_map('k', older_line, vi_movement_keymap);
	rl_bind_key_in_map('j', newer_line, vi_movement_keymap);
	rl_bind_key_in_map('/', rl_reverse_search_history, vi_movement_keymap);
}

static void
set_variables(const struct ui_options *options)
{
	static const char *const variables[][2] = {
		{ "bell-style", "none" }, { "enable-bracketed-paste", "off" }, { "blink-matching-paren", "off" },
		{ "convert-meta", "off" }, { "input-meta", "on" }, { "output-meta", "on" },
		{ "isearch-terminators", "\033\n" }, { "show-mode-in-prompt", "off" },
	};

	for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
		rl_variable_bind(variables[i][0], variables[i][1]);
	if (options->vi_mode)
		rl_variable_bind("editing-mode", "vi");
	rl_bind_key_in_map('\r', rl_newline, emacs_standard_keymap);
	rl_bind_key_in_map('\r', rl_newline, vi_insertion_keymap);
	rl_bind_key_in_map('\r', rl_newline, vi_movement_keymap);
	forbid_commands();
	bind_history();
}

static void
set_hooks(struct input *in)
{
	rl_catch_signals = rl_catch_sigwinch = rl_persistent_signal_handlers = rl_change_environment = 0;
	rl_readline_name = "ivchat";
	rl_outstream = in->null;
	rl_instream = in->null;
	rl_prep_term_function = prepare_nothing;
	rl_deprep_term_function = restore_nothing;
	rl_getc_function = take_byte;
	rl_input_available_hook = have_byte;
	rl_redisplay_function = draw_nothing;
	rl_attempted_completion_function = complete_nothing;
}

struct input *
input_new(const struct ui_options *options)
{
	struct input *in = xcalloc(1, sizeof *in);

	assert(!the_input);
	the_input = in;
	in->complete = options->complete;
	in->complete_arg = options->complete_arg;
	in->fold_lines = options->paste_fold;
	in->null = fopen("/dev/null", "r+e");
	in->width = 80;
	in->goal = -1;
	set_hooks(in);
	using_history();
	rl_callback_handler_install(PROMPT, keep_sent);
	set_variables(options);
	rl_add_defun("redo", redo, -1);
	rl_add_defun("nothing", nothing, -1);
	keys_each_readline(options->keymap, bind_escaped, in);
	bind_graphemes();
	if (in_vi_mode())
		rl_vi_insertion_mode(1, 'i');
	for (int i = 0; i < options->n_history; i++)
		input_history_add(in, options->history[i]);
	return in;
}

static void
drop_fold(struct input *in)
{
	free(in->fold.text);
	in->fold = (struct fold){0};
}

/* ---------------------------------------------------------------- feeding readline */

static bool
searching(void)
{
	return RL_ISSTATE(RL_STATE_ISEARCH) || RL_ISSTATE(RL_STATE_NSEARCH);
}

/* A search has left readline at a line of its history. The text comes into our line before it can be changed there. */
static void
detach(void)
{
	char *found = xstrdup(rl_line_buffer);

	rl_end_of_history(1, 0);
	replace(0, (size_t)rl_end, found);
	free(found);
}

static void
feed(struct input *in, const char *s, size_t n)
{
	char *before = xstrdup(rl_line_buffer);

	buf_clear(&in->queue);
	in->taken = 0;
	buf_add(&in->queue, s, n);
	while (in->taken < in->queue.n)
		rl_callback_read_char();
	note_undo(in, before);
	if (!searching() && where_history() != history_length)
		detach();
}

/* Ends a search of the history and keeps what it found in the line. */
static void
leave_search(struct input *in)
{
	if (searching())
		feed(in, "\n", 1);
}

/* What goes on with a search: text, Ctrl-R and Ctrl-S. Other keys end it first; a prefix like Ctrl-X in the middle of it
 * makes readline crash. */
static bool
searches_on(unsigned char c)
{
	return c == ('R' & 0x1f) || c == ('S' & 0x1f) || (c >= 0x20 && c != 0x7f);
}

/* Sequences that nothing is bound to would be typed in part. */
static bool
is_bound(const char *s, size_t n)
{
	int type = ISFUNC;

	if (n < 3 || s[0] != '\033' || (s[1] != '[' && s[1] != 'O'))
		return true;
	return rl_function_of_keyseq_len(s, n, NULL, &type) && type != ISKMAP;
}

/* A few commands of readline take one byte where a character follows (Ctrl-X or, in vi mode, Ctrl-V before 猫). The bytes
 * that are no characters go. */
static void
mend(void)
{
	struct buf whole = {0};
	size_t n = (size_t)rl_end, caret = 0;

	if (text_valid(rl_line_buffer, n))
		return;
	for (size_t i = 0; i < n;) {
		int32_t cp;
		size_t k = text_decode(rl_line_buffer + i, n - i, &cp);

		if (text_valid(rl_line_buffer + i, k))
			buf_add(&whole, rl_line_buffer + i, k);
		i += k;
		if (i <= (size_t)rl_point)
			caret = whole.n;
	}
	replace(0, n, buf_text(&whole));
	rl_point = (int)caret;
	buf_done(&whole);
}

void
input_type(struct input *in, const char *s, size_t n)
{
	menu_close(&in->menu);
	in->goal = -1;
	if (n > 0 && s[0] == '\033') {
		leave_search(in);
		if (is_bound(s, n))
			feed(in, s, n);
		mend();
		return;
	}
	for (size_t i = 0; i < n;) {
		int32_t cp;
		char c[4];
		size_t k = text_decode(s + i, n - i, &cp);

		if (!searches_on((unsigned char)s[i]))
			leave_search(in);
		feed(in, c, text_encode(cp, c));
		i += k;
	}
	if (!searching())
		mend();
}

static int
count_lines(const char *s, size_t n)
{
	int lines = 1;

	for (size_t i = 0; i + 1 < n; i++)
		lines += s[i] == '\n';
	return lines;
}

void
input_paste(struct input *in, const char *s, size_t n)
{
	char *text = xstrndup(s, n);
	int lines = count_lines(s, n);

	menu_close(&in->menu);
	leave_search(in);
	replace((size_t)rl_point, (size_t)rl_point, text);
	if (in->fold_lines > 0 && lines > in->fold_lines) {
		drop_fold(in);
		in->fold = (struct fold){ text, n, lines };
	} else {
		free(text);
	}
}

/* ---------------------------------------------------------------- the line as rows */

/* The fold's place in the line, or -1 when it is drawn as any other text. */
static long
fold_at(const struct input *in)
{
	size_t n = (size_t)rl_end, caret = (size_t)rl_point;
	const char *at;

	if (!in->fold.text)
		return -1;
	at = memmem(rl_line_buffer, n, in->fold.text, in->fold.n);
	if (!at)
		return -1;
	if (caret > (size_t)(at - rl_line_buffer) && caret < (size_t)(at - rl_line_buffer) + in->fold.n)
		return -1;
	return at - rl_line_buffer;
}

bool
input_folded(const struct input *in)
{
	return fold_at(in) >= 0;
}

/* "(failed reverse-i-search)`how': " in fewer words. */
static const char *
search_prompt(struct input *in, const char *line)
{
	const bool failed = strncmp(line, "(failed ", 8) == 0;
	const char *pattern = strchr(line, '`');

	buf_clear(&in->prompt);
	buf_str(&in->prompt, failed ? "no match " : "history ");
	buf_str(&in->prompt, pattern ? pattern : "");
	return buf_text(&in->prompt);
}

/* The prompt now: another one during a search. Only its last line counts. */
static const char *
prompt(struct input *in)
{
	const char *line = rl_display_prompt ? strrchr(rl_display_prompt, '\n') : NULL;

	line = line ? line + 1 : rl_display_prompt ? rl_display_prompt : PROMPT;
	return RL_ISSTATE(RL_STATE_ISEARCH) && *line == '(' ? search_prompt(in, line) : line;
}

/* The line as it is drawn, and in in->slices its rows. */
static struct field
slice_line(struct input *in)
{
	struct field field = {
		.prompt = prompt(in), .text = rl_line_buffer, .n = (size_t)rl_end, .width = in->width,
		.fold = fold_at(in), .fold_n = in->fold.n, .fold_lines = in->fold.lines,
	};

	field_slice(&field, &in->slices);
	return field;
}

/* The first row to show: the caret's is seen, and no room is left unused below. */
static int
first_row(const struct input *in, int caret, int max_rows)
{
	int first = in->first, last = in->slices.n > max_rows ? in->slices.n - max_rows : 0;

	if (caret >= first + max_rows)
		first = caret - max_rows + 1;
	if (caret < first)
		first = caret;
	return first > last ? last : first;
}

void
input_layout(struct input *in, int width, int max_rows, struct rows *out, int *caret_row, int *caret_col)
{
	struct field field;
	int row;

	in->width = width;
	field = slice_line(in);
	row = field_row(&in->slices, (size_t)rl_point);
	in->first = first_row(in, row, max_rows);
	*caret_row = row - in->first;
	*caret_col = field_col(&field, &in->slices, row, (size_t)rl_point);
	rows_clear(out);
	for (int r = in->first; r < in->slices.n && r < in->first + max_rows; r++)
		field_draw(&field, &in->slices, r, rows_add(out));
}

/* ---------------------------------------------------------------- moving in several lines */

/* To the row above or below, nearest to the caret's column. false: there is none. */
static bool
move_row(struct input *in, int by)
{
	struct field field = slice_line(in);
	int row = field_row(&in->slices, (size_t)rl_point);

	if (row + by < 0 || row + by >= in->slices.n)
		return false;
	if (in->goal < 0)
		in->goal = field_col(&field, &in->slices, row, (size_t)rl_point);
	rl_point = (int)field_pos(&field, &in->slices, row + by, in->goal);
	return true;
}

static void
move_or_history(struct input *in, int by)
{
	leave_search(in);
	if (move_row(in, by))
		return;
	go_in_history(in, by);
}

static void
move_to_line_start(void)
{
	while (rl_point > 0 && rl_line_buffer[rl_point - 1] != '\n')
		rl_point--;
}

static void
move_to_line_end(void)
{
	while (rl_point < rl_end && rl_line_buffer[rl_point] != '\n')
		rl_point++;
}

/* ---------------------------------------------------------------- completion */

/* Puts the first n bytes of match i in the word's place. */
static void
put_match(struct menu *menu, int i, size_t n, bool whole)
{
	struct buf word = {0};

	menu_word(menu, i, n, whole, &word);
	replace(menu->start, menu->end, buf_text(&word));
	menu->end = menu->start + word.n;
	buf_done(&word);
}

/* One match takes the word's place; several lengthen it as far as they agree. */
static void
open_menu(struct input *in)
{
	struct menu *menu = &in->menu;
	size_t common;

	if (!in->complete)
		return;
	menu_open(menu, rl_line_buffer, (size_t)rl_point, in->complete, in->complete_arg);
	common = menu->n > 0 ? menu_common(menu) : 0;
	if (menu->n == 1 || common > menu->typed)
		put_match(menu, 0, common, menu->n == 1);
	if (menu->n < 2)
		menu_close(menu);
}

/* The next or previous match takes the word's place. */
static void
cycle(struct menu *menu, int by)
{
	if (menu->here < 0)
		menu->here = by > 0 ? 0 : menu->n - 1;
	else
		menu->here = (menu->here + by + menu->n) % menu->n;
	put_match(menu, menu->here, strlen(menu->matches[menu->here]), false);
}

static void
complete_word(struct input *in, int by)
{
	leave_search(in);
	if (in->menu.n > 0)
		cycle(&in->menu, by);
	else if (by > 0)
		open_menu(in);
}

void
input_menu(struct input *in, int width, int max_rows, struct rows *out)
{
	menu_draw(&in->menu, width, max_rows, out);
}

/* ---------------------------------------------------------------- keys */

static void
clear_line(struct input *in)
{
	leave_search(in);
	rl_callback_sigcleanup();
	replace(0, (size_t)rl_end, "");
	in->at = history_length;
	drop_fold(in);
}

void
input_free(struct input *in)
{
	if (!in)
		return;
	clear_line(in);
	feed(in, "\r", 1);              /* readline lets go of all it keeps for a line */
	rl_callback_handler_remove();
	clear_history();
	menu_close(&in->menu);
	drop_fold(in);
	if (in->null)
		fclose(in->null);
	rl_outstream = rl_instream = NULL;
	free(in->sent);
	free(in->draft);
	buf_done(&in->prompt);
	forget_undone(in);
	free(in->undone);
	free(in->undone_line);
	slices_done(&in->slices);
	buf_done(&in->queue);
	buf_done(&in->told);
	free(in);
	the_input = NULL;
}

static enum ui_action
stop(struct input *in, bool busy)
{
	if (busy || input_empty(in))
		return UI_ACT_INTERRUPT;
	if (searching())
		feed(in, "\007", 1);
	else
		clear_line(in);
	return UI_ACT_NONE;
}

/* Deletes from the caret to where it was, or is, one grapheme away. */
static void
delete_forward(void)
{
	int from = rl_point;

	if (from == rl_end)
		return;
	forward_grapheme(1, 0);
	rl_delete_text(from, rl_point);
	rl_point = from;
}

static void
delete_back(void)
{
	int to = rl_point;

	if (to == 0)
		return;
	backward_grapheme(1, 0);
	rl_delete_text(rl_point, to);
}

static enum ui_action
delete_or_quit(struct input *in)
{
	if (input_empty(in))
		return UI_ACT_QUIT;
	leave_search(in);
	delete_forward();
	return UI_ACT_NONE;
}

static enum ui_action
backspace(struct input *in)
{
	if (input_empty(in))
		return UI_ACT_UNSTAGE;
	if (searching() || input_mode(in))
		feed(in, "\177", 1);
	else
		delete_back();
	return UI_ACT_NONE;
}

/* With the caret at either end of the folded paste, what would be sent is shown first. */
static bool
unfold(struct input *in)
{
	const long at = fold_at(in);

	if (at < 0 || (rl_point != at && (size_t)rl_point != (size_t)at + in->fold.n))
		return false;
	drop_fold(in);
	return true;
}

static void
send_line(struct input *in)
{
	if (searching()) {
		leave_search(in);
	} else if (!unfold(in)) {       /* an empty line too: with pictures it asks for the usual question */
		rl_callback_sigcleanup();
		feed(in, "\r", 1);
		in->at = history_length;
		drop_fold(in);
	}
}

static void
escape_key(struct input *in, bool menu_was_open)
{
	if (searching())
		feed(in, "\007", 1);
	else if (!menu_was_open && in_vi_mode())
		feed(in, "\033", 1);
}

bool
input_wants_esc(const struct input *in)
{
	return searching() || in->menu.n > 0 || (in_vi_mode() && rl_get_keymap() != vi_movement_keymap);
}

enum ui_action
input_key(struct input *in, enum keys_action key, bool busy)
{
	bool menu_was_open = in->menu.n > 0;

	if (key != KEYS_UP && key != KEYS_DOWN)
		in->goal = -1;
	if (key != KEYS_COMPLETE && key != KEYS_COMPLETE_BACK)
		menu_close(&in->menu);
	switch (key) {
	case KEYS_SEND:
		send_line(in);
		break;
	case KEYS_NEWLINE:
		leave_search(in);
		rl_insert_text("\n");
		break;
	case KEYS_STOP:
		return stop(in, busy);
	case KEYS_DELETE:
		return delete_or_quit(in);
	case KEYS_BACKSPACE:
		return backspace(in);
	case KEYS_UP:
		move_or_history(in, -1);
		break;
	case KEYS_DOWN:
		move_or_history(in, 1);
		break;
	case KEYS_HOME:
		leave_search(in);
		move_to_line_start();
		break;
	case KEYS_END:
		leave_search(in);
		move_to_line_end();
		break;
	case KEYS_COMPLETE:
		complete_word(in, 1);
		break;
	case KEYS_COMPLETE_BACK:
		complete_word(in, -1);
		break;
	case KEYS_ESC:
		escape_key(in, menu_was_open);
		break;
	default:
		break;
	}
	return UI_ACT_NONE;
}

/* ---------------------------------------------------------------- the text */

char *
input_sent(struct input *in, size_t *n)
{
	char *sent = in->sent;

	*n = in->sent_n;
	in->sent = NULL;
	in->sent_n = 0;
	return sent;
}

bool
input_changed(struct input *in)
{
	size_t n = (size_t)rl_end;

	if (n == in->told.n && memcmp(buf_text(&in->told), rl_line_buffer, n) == 0)
		return false;
	buf_clear(&in->told);
	buf_add(&in->told, rl_line_buffer, n);
	return true;
}

const char *
input_text(const struct input *in)
{
	(void)in;
	return rl_line_buffer;
}

bool
input_empty(const struct input *in)
{
	(void)in;
	return rl_end == 0 && !searching();
}

void
input_set_text(struct input *in, const char *text)
{
	menu_close(&in->menu);
	clear_line(in);
	rl_insert_text(text);
}

void
input_history_add(struct input *in, const char *line)
{
	HIST_ENTRY *last = history_length > 0 ? history_get(history_base + history_length - 1) : NULL;
	bool at_end = in->at == history_length;

	if (last && strcmp(last->line, line) == 0)
		return;
	add_history(line);
	if (at_end)
		in->at = history_length;
	if (!searching())
		using_history();
}

const char *
input_mode(const struct input *in)
{
	(void)in;
	return in_vi_mode() && rl_get_keymap() == vi_movement_keymap ? "NORMAL" : NULL;
}

void
input_resize(struct input *in, int height, int width)
{
	(void)in;
	rl_set_screen_size(height, width);
}
