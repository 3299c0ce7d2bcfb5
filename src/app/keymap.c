/* keymap.c: keys and colours as the settings say. The config file knows no keys and no roles, and ui/ no file: here they
 * meet. */
#include "config.h"

#include "app.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "ui/ui.h"

struct ui_keymap *
app_keymap(const struct conf *conf, void (*tell)(void *arg, const char *line), void *arg)
{
	struct ui_keymap *map = ui_keymap_new();
	const char *key, *action, *where;

	for (int i = 0; conf_binding(conf, i, &key, &action, &where); i++) {
		struct error err;
		char *line;

		if (ui_keymap_bind(map, key, action, &err) == 0)
			continue;
		line = xasprintf("%s: %s", where, err.what);
		tell(arg, line);
		free(line);
	}
	return map;
}

struct ui_colors *
app_colors(const struct conf *conf, void (*tell)(void *arg, const char *line), void *arg)
{
	struct ui_colors *colors = ui_colors_new();
	const char *name, *value, *where;

	for (int i = 0; conf_color(conf, i, &name, &value, &where); i++) {
		struct error err;
		char *line;

		if (ui_colors_set(colors, name, value, &err) == 0)
			continue;
		line = xasprintf("%s: %s", where, err.what);
		tell(arg, line);
		free(line);
	}
	return colors;
}
