/* help.c: what there is, from the tables that the program itself reads. */
#include "config.h"

#include <string.h>

#include "app/app.h"
#include "cmd/cmd.h"
#include "ui/ui.h"

static void
print_overview(void)
{
	puts("usage: ivchat [OPTIONS] [PICTURE...]      chat on the screen, with the pictures attached\n"
	    "       ivchat ask [OPTIONS] [TEXT...]     one question, the answer on standard output\n"
	    "       ivchat COMMAND [OPTIONS] ...\n"
	    "\n"
	    "Without -m and $IVCHAT_MODEL the small built-in model answers: simple drawings only.\n"
	    "\n"
	    "commands:");
	for (int i = 0; commands[i]; i++)
		printf("  %-9s %-16s %s\n", commands[i]->name, commands[i]->operands, commands[i]->summary);
	puts("\n"
	    "'ivchat help TOPIC' tells more; topics: a command's name, options, keys, slash.");
}

static void
print_keys(void)
{
	for (const struct ui_key_help *k = ui_key_table(); k->keys; k++)
		printf("  %-24s %s\n", k->keys, k->does);
}

static void
print_slash(void)
{
	char left[64];

	for (const struct slash *s = app_slash_table(); s->name; s++) {
		snprintf(left, sizeof left, "/%s %s", s->name, s->operands);
		printf("  %-24s %s\n", left, s->does);
	}
}

static void
print_options(void)
{
	options_print(~0u, stdout);
}

static const struct {
	const char *name;
	void (*print)(void);
} topics[] = {
	{"options", print_options},
	{"keys", print_keys},
	{"slash", print_slash},
	{"version", NULL},
};

static int
print_topic(const char *topic)
{
	struct error err = {0};

	if (cmd_find(topic)) {
		cmd_usage(cmd_find(topic), stdout);
		return CODE_OK;
	}
	for (size_t i = 0; i < sizeof topics / sizeof *topics; i++)
		if (strcmp(topics[i].name, topic) == 0) {
			topics[i].print ? topics[i].print() : cmd_version(stdout);
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
		return print_topic(o->operands[0]);
	print_overview();
	return CODE_OK;
}

const struct command cmd_help = {
	"help", "[TOPIC]", "Tell about commands, options, keys and slash commands.", 0, run,
};
