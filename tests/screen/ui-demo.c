/* ui-demo.c: drives the ui with a conversation that nobody has, so that screens can be tested
 * without an engine.
 *
 * What is typed and sent is a command: "pic" (a picture and a question), "noise", "red" (a picture of one
 * colour), "small", "fill N", "stream N" (N words, 60 a second), "stage", "unstage", "flash",
 * "list", "page", "error", "rule", "clear", "hostile", "find TEXT", "compare", "answer FILE" (of tests/screen), "pour FILE" (the
 * same as it streams), "raw", "crash", "quit"; other text is answered by 30 words. What the ui reports is shown as a note where a test looks for it.
 */
#include "config.h"

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "ui/ui.h"

struct demo {
	struct ui *ui;
	int n_pictures;
	struct drawn {          /* what each picture was made of, to make it again */
		int entry, w, h, seed;
		enum kind { SCENE, RED, NOISE } kind;
	} drawn[64];
	int answer, words_left, word;   /* the answer that streams */
	int64_t next_word;
	struct buf poured;      /* what streams instead of words */
	bool quit, raw;
};

static volatile sig_atomic_t resized;

static void
on_winch(int sig)
{
	(void)sig;
	resized = 1;
}

static void
on_fatal(int sig)
{
	ui_emergency();
	signal(sig, SIG_DFL);
	raise(sig);
}

/* ---------------------------------------------------------------- pictures */

/* Smooth colours with sharp things in them: like a photograph, some hundred colours and edges. */
static void
draw(uint8_t *rgb, int w, int h, int seed)
{
	for (int y = 0; y < h; y++) {
		for (int x = 0; x < w; x++) {
			uint8_t *p = rgb + ((size_t)y * (size_t)w + (size_t)x) * 3;
			const int dx = x - w * 2 / 3, dy = y - h / 3;
			p[0] = (uint8_t)(40 + 180 * x / w);
			p[1] = (uint8_t)(60 + 150 * y / h);
			p[2] = (uint8_t)(200 - 120 * y / h + seed * 20 % 50);
			if (dx * dx + dy * dy < h * h / 25)
				p[0] = 250, p[1] = 210, p[2] = 60;
			if (y > h * 3 / 4 + (x * (7 + seed) % 40) / 4)
				p[0] = 30, p[1] = (uint8_t)(90 + x % 60), p[2] = 40;
		}
	}
}

static void
paint(uint8_t *rgb, int w, int h, int seed, enum kind kind)
{
	const size_t n = (size_t)w * (size_t)h;
	unsigned x = 1;

	if (kind == SCENE)
		draw(rgb, w, h, seed);
	for (size_t i = 0; kind == RED && i < n; i++)
		rgb[3 * i] = 204, rgb[3 * i + 1] = 51, rgb[3 * i + 2] = 0;
	for (size_t i = 0; kind == NOISE && i < 3 * n; i++)
		rgb[i] = (uint8_t)((x = x * 1103515245 + 12345) >> 16);
}

static void
add_picture(struct demo *d, int entry, int w, int h, enum kind kind)
{
	uint8_t *rgb = xcalloc((size_t)w * (size_t)h, 3);
	char label[64];

	snprintf(label, sizeof label, "#%d demo-%d.png %dx%d", d->n_pictures + 1, d->n_pictures + 1, w, h);
	d->drawn[d->n_pictures % 64] = (struct drawn){ entry, w, h, d->n_pictures + 1, kind };
	d->n_pictures++;
	paint(rgb, w, h, d->n_pictures, kind);
	ui_add_picture(d->ui, entry, &(struct ui_picture){ rgb, w, h, label });
	free(rgb);
}

/* Up to two of the pictures over the conversation, `times` as large as they are in it. */
static void
show(struct demo *d, const int *which, int n, int times)
{
	struct ui_picture pictures[2];
	char labels[2][64];

	for (int i = 0; i < n; i++) {
		const struct drawn *p = &d->drawn[which[i]];
		uint8_t *rgb = xcalloc((size_t)(p->w * times) * (size_t)(p->h * times), 3);
		paint(rgb, p->w * times, p->h * times, p->seed, p->kind);
		snprintf(labels[i], sizeof labels[i], "#%d demo-%d.png %dx%d", p->seed, p->seed, p->w * times, p->h * times);
		pictures[i] = (struct ui_picture){ rgb, p->w * times, p->h * times, labels[i] };
	}
	ui_show(d->ui, pictures, n);
	for (int i = 0; i < n; i++)
		free((void *)pictures[i].rgb);
}

static void
show_of(struct demo *d, const struct ui_event *event)
{
	int left = event->picture;

	for (int i = 0; i < d->n_pictures; i++)
		if (d->drawn[i].entry == event->entry && left-- == 0)
			show(d, &i, 1, event->action == UI_ACT_ENLARGE ? 2 : 1);
}

/* ---------------------------------------------------------------- commands */

static int
say(struct demo *d, enum ui_look look, const char *text)
{
	return ui_add(d->ui, look, text, strlen(text));
}

static void
note(struct demo *d, const char *name, const char *value)
{
	char *text = xasprintf("%s: %s", name, value);

	say(d, UI_LOOK_NOTE, text);
	free(text);
}

static void
fill(struct demo *d, int n)
{
	for (int i = 1; i <= n; i++) {
		char *text = xasprintf("Line %d of the old conversation, 第%d行，有中文。", i, i);
		say(d, i % 2 ? UI_LOOK_USER : UI_LOOK_ANSWER, text);
		free(text);
	}
}

static void
stream(struct demo *d, int words)
{
	d->answer = say(d, UI_LOOK_ANSWER, "");
	d->words_left = words;
	d->word = 0;
	d->next_word = clock_ms();
	ui_set_busy(d->ui, true);
}

static void
read_answer(const char *name, struct buf *out)
{
	const char *top = getenv("srcdir");
	char *path = xasprintf("%s/tests/screen/%s", top ? top : ".", name);
	struct error err;

	if (file_read(path, 1 << 20, out, CODE_INPUT, &err) < 0)
		buf_str(out, err.what);
	free(path);
}

static void
answer(struct demo *d, const char *name)
{
	struct buf text = { 0 };

	read_answer(name, &text);
	ui_add(d->ui, UI_LOOK_ANSWER, buf_text(&text), text.n);
	buf_done(&text);
}

/* Seven bytes a word, wherever that cuts. */
static void
pour(struct demo *d, const char *name)
{
	buf_clear(&d->poured);
	read_answer(name, &d->poured);
	stream(d, (int)(d->poured.n + 6) / 7);
}

static void
list(struct demo *d)
{
	static const char *const items[] = {
		"20260823-141503-7f3a  a cat on a roof", "20260822-101010-0001  图表：销售额",
		"20260821-090000-beef  holiday", "20260820-080000-cafe  invoice",
	};

	ui_pick(d->ui, "Sessions", items, 4, 1);
}

static void
page(struct demo *d)
{
	struct buf text = { 0 };

	for (const struct ui_key_help *k = ui_key_table(NULL); k->keys; k++)
		buf_printf(&text, "%-22s %s\n", k->keys, k->does);
	ui_page(d->ui, "Help", buf_text(&text));
	buf_done(&text);
}

static void
picture_turn(struct demo *d, int w, int h, enum kind kind)
{
	add_picture(d, say(d, UI_LOOK_USER, "What is in the picture?"), w, h, kind);
}

/* Commands without a number; false: it is none. */
static bool
simple_command(struct demo *d, const char *s)
{
	static const char hostile[] = "\033[2J\033]0;owned\a \x9b" "31m \xff\xfe 👩‍👩‍👧 👍🏽 ❤️ e\xcc\x81 "
	                              "\u202eevil\u202c";
	static const char *const chips[] = { "[#3 chart.png 1280x720]", "[#4 猫.jpg 800x600]" };

	if (strcmp(s, "pic") == 0)
		picture_turn(d, 448, 336, SCENE);
	else if (strcmp(s, "red") == 0)
		picture_turn(d, 300, 300, RED);
	else if (strcmp(s, "small") == 0)
		picture_turn(d, 72, 54, SCENE);
	else if (strcmp(s, "noise") == 0)
		picture_turn(d, 640, 480, NOISE);
	else if (strcmp(s, "stage") == 0)
		ui_set_staged(d->ui, chips, 2);
	else if (strcmp(s, "unstage") == 0)
		ui_set_staged(d->ui, NULL, 0);
	else if (strcmp(s, "flash") == 0)
		ui_flash(d->ui, "Ctrl-D or /quit leaves");
	else if (strcmp(s, "error") == 0)
		say(d, UI_LOOK_ERROR, "cannot read \"cat.jpg\": no such file");
	else if (strcmp(s, "rule") == 0)
		say(d, UI_LOOK_RULE, "the model does not see what is above");
	else if (strcmp(s, "clear") == 0)
		ui_clear(d->ui);
	else if (strcmp(s, "hostile") == 0)
		say(d, UI_LOOK_ANSWER, hostile);
	else if (strcmp(s, "list") == 0)
		list(d);
	else if (strcmp(s, "page") == 0)
		page(d);
	else if (strcmp(s, "raw") == 0)
		ui_set_raw(d->ui, d->raw = !d->raw);
	else if (strcmp(s, "quit") == 0)
		d->quit = true;
	else if (strcmp(s, "crash") == 0)
		abort();
	else
		return false;
	return true;
}

static void
command(struct demo *d, const char *s)
{
	if (simple_command(d, s))
		return;
	if (strncmp(s, "fill ", 5) == 0) {
		fill(d, atoi(s + 5));
	} else if (strncmp(s, "stream ", 7) == 0) {
		stream(d, atoi(s + 7));
	} else if (strncmp(s, "answer ", 7) == 0) {
		answer(d, s + 7);
	} else if (strncmp(s, "pour ", 5) == 0) {
		pour(d, s + 5);
	} else if (strncmp(s, "find ", 5) == 0) {
		note(d, "found", ui_find(d->ui, s + 5) > 0 ? "yes" : "no");
	} else if (strcmp(s, "compare") == 0 && d->n_pictures >= 2) {
		show(d, (const int[]){ d->n_pictures - 2, d->n_pictures - 1 }, 2, 1);
	} else {
		say(d, UI_LOOK_USER, s);
		stream(d, 30);
	}
}

/* ---------------------------------------------------------------- the loop */

static void
pour_some(struct demo *d)
{
	const size_t n = d->poured.n < 7 ? d->poured.n : 7;

	ui_append(d->ui, d->answer, d->poured.at, n);
	buf_drop(&d->poured, n);
}

static void
next_words(struct demo *d, int64_t now)
{
	static const char *const words[] = {
		"The ", "picture ", "shows ", "一座", "小山", "和", "太阳", "， ", "a ", "meadow ", "under ", "a ",
		"wide ", "sky", ".\n",
	};

	while (d->words_left > 0 && now >= d->next_word) {
		const char *word = words[d->word++ % 15];
		if (d->poured.n > 0)
			pour_some(d);
		else
			ui_append(d->ui, d->answer, word, strlen(word));
		d->next_word += 17;
		if (--d->words_left == 0) {
			ui_set_mark(d->ui, d->answer, "[done]");
			ui_set_busy(d->ui, false);
		}
	}
}

static void
show_status(struct demo *d)
{
	const struct ui_status status = { .name = "demo", .state = d->words_left ? "answering" : "",
	                                  .context = "ctx 1312/4096", .speed = "60.0 tok/s", .model = "tiny",
	                                  .context_percent = 32 };

	ui_set_status(d->ui, &status);
}

/* The keys of reading mode say what they are, and of which entry. */
static void
tell(struct demo *d, const struct ui_event *event)
{
	static const char *const names[] = {
		[UI_ACT_CLIPBOARD] = "clipboard", [UI_ACT_EDIT] = "edit", [UI_ACT_REGEN] = "regen",
		[UI_ACT_CONTINUE] = "continue", [UI_ACT_FORK] = "fork", [UI_ACT_BRANCH_PREV] = "branch back",
		[UI_ACT_BRANCH_NEXT] = "branch", [UI_ACT_COPY_CODE] = "copy code", [UI_ACT_BOXES] = "boxes",
	};
	char text[48];

	snprintf(text, sizeof text, "asked: %s %d", names[event->action] ? names[event->action] : "?", event->entry);
	ui_flash(d->ui, text);
}

static void
copy(struct demo *d, const struct ui_event *event)
{
	char text[48];

	snprintf(text, sizeof text, "message %d", event->entry);
	ui_copy(d->ui, text, strlen(text));
	ui_flash(d->ui, "copied");
}

static void
pick_pictures(struct demo *d)
{
	static const char *const items[] = { "../", "one.png", "two.png" };

	ui_pick_pictures(d->ui, "Pictures", items, 3, 1);
}

static void
preview(struct demo *d, int i)
{
	enum { W = 300, H = 200 };
	uint8_t *rgb = xcalloc((size_t)W * H, 3);

	paint(rgb, W, H, i, i == 2 ? RED : SCENE);
	ui_preview(d->ui, i == 0 ? NULL : &(struct ui_picture){ rgb, W, H, i == 1 ? "300x200" : "300x200 red" });
	free(rgb);
}

static void
act(struct demo *d, const struct ui_event *event)
{
	switch (event->action) {
	case UI_ACT_QUIT:
		d->quit = true;
		break;
	case UI_ACT_SUSPEND:
		ui_suspend(d->ui);
		break;
	case UI_ACT_INTERRUPT:
		if (d->words_left) {
			d->words_left = 0;
			ui_set_mark(d->ui, d->answer, "[stopped]");
			ui_set_busy(d->ui, false);
		} else {
			ui_flash(d->ui, "Ctrl-D or /quit leaves");
		}
		break;
	case UI_ACT_HELP:
		page(d);
		break;
	case UI_ACT_SESSIONS:
		list(d);
		break;
	case UI_ACT_UNSTAGE:
		ui_set_staged(d->ui, NULL, 0);
		break;
	case UI_ACT_RECALL:
		ui_set_input(d->ui, "recalled");
		break;
	case UI_ACT_PICTURES:
		pick_pictures(d);
		break;
	case UI_ACT_ENLARGE:
	case UI_ACT_VIEW:
		show_of(d, event);
		break;
	case UI_ACT_COPY:
		copy(d, event);
		break;
	case UI_ACT_NONE:
		break;
	default:
		tell(d, event);
		break;
	}
}

static void
handle(struct demo *d, struct ui_event *event)
{
	char number[16];

	switch (event->kind) {
	case UI_EVENT_LINE:
		command(d, event->text);
		ui_history_add(d->ui, event->text);
		free(event->text);
		break;
	case UI_EVENT_ACTION:
		act(d, event);
		break;
	case UI_EVENT_PICK:
		snprintf(number, sizeof number, "%d", event->pick);
		note(d, "picked", number);
		break;
	case UI_EVENT_PREVIEW:
		preview(d, event->pick);
		break;
	case UI_EVENT_PICTURE:
		note(d, "picture", "");
		free(event->text);
		break;
	case UI_EVENT_KEY:
	case UI_EVENT_TYPED:
		break;
	case UI_EVENT_EOF:
		d->quit = true;
		break;
	}
}

static void
wait_for_something(struct demo *d)
{
	struct pollfd p = { .fd = ui_fd(d->ui), .events = POLLIN };
	int wait = ui_timeout(d->ui);

	if (d->words_left > 0 && (wait < 0 || wait > 10))
		wait = 10;
	poll(&p, 1, wait);
}

static void
run(struct demo *d)
{
	struct ui_event event;

	while (!d->quit) {
		wait_for_something(d);
		if (resized) {
			resized = 0;
			ui_resize(d->ui);
		}
		ui_read(d->ui);
		while (ui_next(d->ui, &event))
			handle(d, &event);
		next_words(d, clock_ms());
		show_status(d);
		ui_draw(d->ui);
	}
}

/* Candidates for Tab: the commands of this program. */
static char **
complete(void *arg, const char *line, int start, int end, bool *is_path)
{
	static const char *const names[] = { "stage", "stream", "small", "red", "rule", "pic", "page" };
	enum { N = sizeof names / sizeof names[0] };
	char **found = xcalloc(N + 1, sizeof *found);
	int n = 0;

	(void)arg;
	*is_path = false;
	for (int i = 0; i < N; i++) {
		if (strncmp(names[i], line + start, (size_t)(end - start)) == 0)
			found[n++] = xstrdup(names[i]);
	}
	return found;
}

/* A paste that begins as a data URI is taken. */
static bool
take_paste(void *arg, const char *text, size_t n)
{
	struct demo *d = arg;
	char size[32];

	if (n < 5 || strncmp(text, "data:", 5) != 0)
		return false;
	snprintf(size, sizeof size, "%zu bytes", n);
	note(d, "taken", size);
	return true;
}

static void
option(struct ui_options *o, const char *arg)
{
	if (strcmp(arg, "--sixel") == 0)
		o->images = UI_IMAGES_SIXEL;
	else if (strcmp(arg, "--blocks") == 0)
		o->images = UI_IMAGES_BLOCKS;
	else if (strcmp(arg, "--none") == 0)
		o->images = UI_IMAGES_NONE;
	else if (strcmp(arg, "--ascii") == 0)
		o->ascii = true;
	else if (strcmp(arg, "--no-color") == 0)
		o->no_color = true;
	else if (strcmp(arg, "--light") == 0)
		o->theme = UI_THEME_LIGHT;
	else if (strcmp(arg, "--vi") == 0)
		o->vi_mode = true;
	else if (strcmp(arg, "--mouse") == 0)
		o->mouse = true;
	else if (strncmp(arg, "--max-kib=", 10) == 0)
		o->image_max_kib = atoi(arg + 10);
}

static void
catch_signals(void)
{
	struct sigaction winch = { .sa_handler = on_winch }, fatal = { .sa_handler = on_fatal };

	sigaction(SIGWINCH, &winch, NULL);
	sigaction(SIGTERM, &fatal, NULL);
	sigaction(SIGABRT, &fatal, NULL);
	sigaction(SIGSEGV, &fatal, NULL);
}

int
main(int argc, char **argv)
{
	struct demo demo = { 0 };
	struct ui_options options = { .complete = complete, .paste = take_paste, .paste_arg = &demo,
	    .paste_fold = 8 };
	struct error err = { 0 };

	setlocale(LC_ALL, "");
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "--", 2) == 0)
			option(&options, argv[i]);
	}
	catch_signals();
	demo.ui = ui_open(&options, &err);
	if (!demo.ui) {
		fprintf(stderr, "ui-demo: %s\n", err.what);
		return (int)err.code;
	}
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], "--", 2) != 0)
			command(&demo, argv[i]);
	}
	run(&demo);
	ui_close(demo.ui);
	buf_done(&demo.poured);
	return 0;
}
