/* config.c: every setting, its value and where that came from, in the form of a config file. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "cmd/cmd.h"

static void
print_line(char *line)
{
	cmd_print(stdout, line, strlen(line));
	putchar('\n');
	free(line);
}

static void
print_key(const struct conf *c, int i, const struct conf_key *key)
{
	char *value = conf_value(c, i);

	print_line(xasprintf("%s%-*s = %-24s # %s", value ? "" : "#", value ? 18 : 17, key->name,
	    value ? value : "", conf_origin(c, i)));
	free(value);
}

static void
print_preset(const struct conf *c, int i)
{
	print_line(xasprintf("\n[preset %s]", conf_preset_name(c, i)));
	print_line(conf_preset_text(c, i));
}

static int
run(const struct command *self, struct options *o)
{
	const struct conf *c = o->conf;
	struct conf_key key;
	const char *bound, *action, *where;
	struct error err = {0};

	if (o->n_operands > 0) {
		error_set(&err, CODE_USAGE, "%s takes no operand: '%s'", self->name, o->operands[0]);
		error_hint(&err, "ivchat config --set KEY=VALUE");
		return cmd_fail(&err);
	}
	if (c->path)
		print_line(xasprintf("# %s%s", c->path, file_exists(c->path) ? "" : " (there is none)"));
	for (int i = 0; conf_key(i, &key); i++)
		print_key(c, i, &key);
	for (int i = 0; conf_binding(c, i, &bound, &action, &where); i++)
		print_line(xasprintf("bind %-13s = %-24s # %s", bound, action, where));
	for (int i = 0; conf_color(c, i, &bound, &action, &where); i++)
		print_line(xasprintf("color.%-12s = \"%s\" # %s", bound, action, where));
	for (int i = 0; conf_preset_name(c, i); i++)
		print_preset(c, i);
	return CODE_OK;
}

const struct command cmd_config = {
	"config", "", "Print every setting, its value and where it came from.", OPT_CONF | OPT_TALK, run,
};
