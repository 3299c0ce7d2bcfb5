/* model.c: what a model folder holds (info), and whether it is whole (check). Reads headers only. */
#include "config.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "cmd/cmd.h"
#include "engine/engine.h"

static void
print_line(const char *text)
{
	cmd_print(stdout, text, strlen(text));
	putchar('\n');
}

static void
print_info(const struct card_info *info)
{
	printf("name          ");
	print_line(info->name);
	printf("parameters    %lld\n", info->n_params);
	printf("vocabulary    %d\n", info->vocab_size);
	printf("context       %d tokens\n", info->n_ctx_max);
	printf("stops at      ");
	for (int i = 0; i < info->n_stops; i++)
		printf("%s%d", i ? ", " : "", (int)info->stops[i]);
	putchar('\n');
	if (info->text_only) {
		puts("pictures      none: a plain text model");
		return;
	}
	printf("template      %s\n", info->template_name);
	printf("system        ");
	print_line(info->system_message);
	printf("pictures      %d tokens each, seen at %d x %d\n", info->n_image_tokens, info->image_size,
	    info->image_size);
}

static int
is_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void
print_files(const char *dir)
{
	struct dirent **list;
	int n = scandir(dir, &list, is_file, alphasort);

	for (int i = 0; i < n; i++) {
		char *path = xasprintf("%s/%s", dir, list[i]->d_name);
		struct stat st;

		if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
			printf("file %14lld  ", (long long)st.st_size);
			print_line(list[i]->d_name);
		}
		free(path);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

static int
check(const struct card *card, const struct options *o, struct error *err)
{
	char digest[65];
	long long bytes;

	if (card_check(card, &bytes, err) < 0)
		return -1;
	printf("%s: whole, %lld bytes of weights\n", card_info(card)->name, bytes);
	if (o->verbose && card_digest(card, digest, err) == 0)
		printf("digest %s\n", digest);
	return 0;
}

static int
info_or_check(const struct options *o, struct error *err)
{
	const char *dir = o->n_operands > 1 ? o->operands[1] : o->model;
	struct card *card = card_open(dir, err);
	int failed = 0;

	if (!card)
		return -1;
	if (strcmp(o->operands[0], "check") == 0) {
		failed = check(card, o, err);
	} else {
		print_info(card_info(card));
		print_files(dir);
	}
	card_free(card);
	return failed;
}

static int
run(const struct command *self, struct options *o)
{
	const char *verb = o->n_operands > 0 ? o->operands[0] : "";
	struct error err = {0};

	(void)self;
	if (o->n_operands > 2 || (strcmp(verb, "info") != 0 && strcmp(verb, "check") != 0)) {
		error_set(&err, CODE_USAGE, "model needs one of: info, check; and at most one folder");
		error_hint(&err, "ivchat model info");
		return cmd_fail(&err);
	}
	return info_or_check(o, &err) < 0 ? cmd_fail(&err) : CODE_OK;
}

const struct command cmd_model = {
	"model", "info|check [DIR]", "Tell what a model folder holds, or whether it is whole.",
	OPT_MODEL, run,
};
