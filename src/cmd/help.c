/* help.c: what there is, from the tables that the program itself reads. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "base/alloc.h"
#include "cmd/cmd.h"
#include "cmd/columns.h"
#include "cmd/paint.h"
#include "ui/ui.h"

enum { WIDTH = 79 };

/* Indented, and as wide as the terminal up to WIDTH. */
static void
print_columns(const char *left, const char *text, int column)
{
	const int terminal = columns_terminal();
	char *indented = xasprintf("  %s", left);

	columns_print(indented, text, column, terminal > 0 && terminal < WIDTH ? terminal : WIDTH);
	free(indented);
}

static void
print_overview(const struct options *o)
{
	const struct painter p = painter_of(o);
	char left[96];

	puts("usage: ivchat [OPTIONS] [PICTURE...]     chat on the screen, pictures attached\n"
	    "       ivchat ask [OPTIONS] [TEXT...]    one question, answer on standard output\n"
	    "       ivchat COMMAND [OPTIONS] ...\n"
	    "\n"
	    "Without -m and $IVCHAT_MODEL the small built-in model answers: simple drawings\n"
	    "only, up to five things, figures or words. Scenes of several things it gets\n"
	    "wrong once in ten, counts once in six, clip art six times in ten, photographs\n"
	    "of 60 kinds of things four times in ten; others it can only guess. 'ivchat\n"
	    "--demo' shows it at work.\n");
	printf("%scommands:%s\n", paint_on(&p, PAINT_HEAD), paint_off(&p, PAINT_HEAD));
	for (int i = 0; commands[i]; i++) {
		snprintf(left, sizeof left, "%s %s", commands[i]->name, commands[i]->operands);
		print_columns(left, commands[i]->summary, 24);
	}
	puts("\n"
	    "'ivchat help TOPIC' tells more; topics: a command's name, options, keys,\n"
	    "reading, actions, colors, slash, settings.");
}

/* ---- tables: on a screen, or as a list of the manual */

typedef void print_row(const char *left, const char *does);
typedef void each_row(const struct options *o, print_row *print);

static void
print_line(const char *left, const char *does)
{
	print_columns(left, does, 27);
}

static void
print_mdoc_text(const char *text)
{
	for (; *text; text++)
		*text == '\\' ? fputs("\\e", stdout) : putchar(*text);
}

static void
print_mdoc(const char *left, const char *does)
{
	fputs(".It Li \"", stdout);
	print_mdoc_text(left);
	fputs("\"\n\\&", stdout);
	print_mdoc_text(does);
	putchar('\n');
}

static void
warn(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "ivchat: %s\n", line);
}

static void
print_keys(const struct ui_key_help *k, print_row *print)
{
	for (; k->keys; k++)
		print(k->keys, k->does);
}

static void
each_reading_key(const struct options *o, print_row *print)
{
	struct ui_keymap *map = o->man ? NULL : app_keymap(o->conf, warn, NULL);

	print_keys(ui_reading_table(map), print);
	ui_keymap_free(map);
}

/* Those in force. On a screen those of reading mode follow; the manual has a list for each, and the keys as they are
 * without settings. */
static void
each_key(const struct options *o, print_row *print)
{
	struct ui_keymap *map = o->man ? NULL : app_keymap(o->conf, warn, NULL);

	print_keys(ui_key_table(map), print);
	if (print == print_line) {
		puts("\nWhile reading (Esc begins):");
		print_keys(ui_reading_table(map), print);
	}
	ui_keymap_free(map);
}

static void
each_action(const struct options *o, print_row *print)
{
	(void)o;
	print_keys(ui_action_table(), print);
}

static void
each_color(const struct options *o, print_row *print)
{
	(void)o;
	print_keys(ui_color_table(), print);
}

static void
each_slash(const struct options *o, print_row *print)
{
	char left[64];

	(void)o;
	for (const struct slash *s = app_slash_table(); s->name; s++) {
		char *does = app_slash_does(s);

		snprintf(left, sizeof left, "/%s%s%s", s->name, s->operands[0] ? " " : "", s->operands);
		print(left, does);
		free(does);
	}
}

static void
each_setting(const struct options *o, print_row *print)
{
	struct conf_key key;
	char left[96], does[320];

	(void)o;
	for (int i = 0; conf_key(i, &key); i++) {
		snprintf(left, sizeof left, "%s = %s", key.name, key.form);
		snprintf(does, sizeof does, "%s (default: %s)", key.help, key.value[0] ? key.value : "none");
		print(left, does);
	}
}

static void
print_options(const struct options *o, print_row *print)
{
	(void)o;
	(void)print;
	options_print(~0u, stdout);
}

static void
print_version(const struct options *o, print_row *print)
{
	(void)o;
	(void)print;
	cmd_version(stdout);
}

static const struct {
	const char *name;
	each_row *each;
} topics[] = {
	{"options", print_options},
	{"keys", each_key},
	{"reading", each_reading_key},
	{"actions", each_action},
	{"colors", each_color},
	{"slash", each_slash},
	{"settings", each_setting},
	{"version", print_version},
};

static int
print_topic(const char *topic, const struct options *o)
{
	struct error err = {0};

	if (cmd_find(topic)) {
		cmd_usage(cmd_find(topic), stdout);
		return CODE_OK;
	}
	for (size_t i = 0; i < sizeof topics / sizeof *topics; i++)
		if (strcmp(topics[i].name, topic) == 0) {
			topics[i].each(o, o->man ? print_mdoc : print_line);
			return CODE_OK;
		}
	error_set(&err, CODE_USAGE, "no help on '%s'", topic);
	error_hint(&err, "ivchat help");
	return cmd_fail(&err);
}

static int
run(const struct command *self, struct options *o)
{
	(void)self;
	if (o->n_operands > 0)
		return print_topic(o->operands[0], o);
	print_overview(o);
	return CODE_OK;
}

const struct command cmd_help = {
	"help", "[TOPIC]", "Tell about commands, options, keys and slash commands.", OPT_HELP, run,
};
