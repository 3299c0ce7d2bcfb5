/* config.c: every setting, its value and where that came from, in the form of a config file. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "cmd/cmd.h"
#include "cmd/paint.h"

/* What stands behind # is less important. */
static void
print_line(const struct painter *p, char *line)
{
	char *hash = line[0] == '#' ? line : strstr(line, " # ");
	size_t n = hash ? (size_t)(hash - line) : strlen(line);

	paint_text(p, PAINT_TEXT, line, n);
	if (hash)
		paint_text(p, PAINT_FAINT, hash, strlen(hash));
	putchar('\n');
	free(line);
}

static void
print_key(const struct painter *p, const struct conf *c, int i, const struct conf_key *key)
{
	char *value = conf_value(c, i);

	print_line(p, xasprintf("%s%-*s = %-24s # %s", value ? "" : "#", value ? 18 : 17, key->name,
	    value ? value : "", conf_origin(c, i)));
	free(value);
}

static void
print_preset(const struct painter *p, const struct conf *c, int i)
{
	print_line(p, xasprintf("\n[preset %s]", conf_preset_name(c, i)));
	print_line(p, conf_preset_text(c, i));
}

static int
run(const struct command *self, struct options *o)
{
	const struct painter p = painter_of(o);
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
		print_line(&p, xasprintf("# %s%s", c->path, file_exists(c->path) ? "" : " (there is none)"));
	for (int i = 0; conf_key(i, &key); i++)
		print_key(&p, c, i, &key);
	for (int i = 0; conf_binding(c, i, &bound, &action, &where); i++)
		print_line(&p, xasprintf("bind %-13s = %-24s # %s", bound, action, where));
	for (int i = 0; conf_color(c, i, &bound, &action, &where); i++)
		print_line(&p, xasprintf("color.%-12s = \"%s\" # %s", bound, action, where));
	for (int i = 0; conf_preset_name(c, i); i++)
		print_preset(&p, c, i);
	return CODE_OK;
}

const struct command cmd_config = {
	"config", "", "Print every setting, its value and where it came from.", OPT_CONF | OPT_TALK, run,
};
