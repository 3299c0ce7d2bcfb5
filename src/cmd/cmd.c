/* cmd.c: the table of subcommands and what they share: usage, version, errors. */
#include "config.h"

#include "cmd/cmd.h"

#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"
#include "cmd/nearest.h"

const struct command *const commands[] = {
	&cmd_chat, &cmd_ask, &cmd_batch, &cmd_ls, &cmd_show, &cmd_rename, &cmd_tag, &cmd_rm, &cmd_path,
	&cmd_search, &cmd_export, &cmd_import, &cmd_replay, &cmd_model, &cmd_bench, &cmd_tokenize, &cmd_config, &cmd_doctor, &cmd_completion,
	&cmd_help, NULL,
};

const struct command *
cmd_find(const char *name)
{
	for (int i = 0; commands[i]; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

const struct command *
cmd_nearest(const char *name)
{
	const struct command *best = NULL;

	for (int i = 0; commands[i]; i++)
		if (nearest_is_close(name, commands[i]->name) &&
		    (!best || nearest_distance(name, commands[i]->name) < nearest_distance(name, best->name)))
			best = commands[i];
	return best;
}

/* The chat tells them on its screen; help is not the place for them. */
static void
print_warnings(const struct command *c, const struct conf *conf)
{
	for (int i = 0; i < conf->n_warnings && c != &cmd_chat && c != &cmd_help; i++)
		fprintf(stderr, "ivchat: %s\n", conf->warnings[i]);
}

int
cmd_run(const struct command *c, int argc, char **argv)
{
	struct options o;
	struct error err = {0};
	int status;

	if (options_parse(&o, c->options, argc, argv, &err) < 0) {
		if (!err.hint[0])
			error_hint(&err, "ivchat %s --help", c->name);
		status = cmd_fail(&err);
	} else if (o.help || o.version) {
		o.help ? cmd_usage(c, stdout) : cmd_version(stdout);
		status = CODE_OK;
	} else {
		print_warnings(c, o.conf);
		status = c->run(c, &o);
	}
	options_done(&o);
	return status;
}

int
cmd_fail(const struct error *err)
{
	if (err->code == CODE_SIGPIPE)
		return err->code;
	fprintf(stderr, "ivchat: %s\n", err->what);
	if (err->hint[0])
		fprintf(stderr, "try: %s\n", err->hint);
	return err->code;
}

void
cmd_usage(const struct command *c, FILE *file)
{
	fprintf(file, "usage: ivchat %s [OPTIONS]%s%s\n%s\n\noptions:\n", c->name, c->operands[0] ? " " : "",
	    c->operands, c->summary);
	options_print(c->options, file);
}

void
cmd_version(FILE *file)
{
	fprintf(
	    file, "ivchat %s\nbackends: " CMD_BACKENDS "\npictures: JPEG (%s; CMYK too), PNG, GIF, BMP, PNM%s\n", PACKAGE_VERSION,
#ifdef HAVE_JPEG
	    "libjpeg",
#else
	    "stb_image",
#endif
#ifdef HAVE_WEBP
	    ", WebP"
#else
	    ""
#endif
	);
}

void
cmd_print(FILE *file, const char *text, size_t n)
{
	struct buf visible = {0};

	if (!isatty(fileno(file))) {
		fwrite(text, 1, n, file);
		return;
	}
	text_visible(&visible, text, n);
	fwrite(visible.at, 1, visible.n, file);
	buf_done(&visible);
}
