/* chat.c: the chat screen: what the command line says, handed to app/. */
#include "config.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/app.h"
#include "base/alloc.h"
#include "base/file.h"
#include "cmd/bundled.h"
#include "cmd/cmd.h"
#include "cmd/device.h"
#include "cmd/shelf.h"

/* What a first try begins with. Line by line there is no input to put it into: it is asked at once. */
#define DEMO_PICTURE "sun-car-tree.png"
#define DEMO_QUESTION "What is in the picture?"

bool
chat_is_plain(const struct options *o)
{
	const char *term = getenv("TERM"), *accessible = getenv("ACCESSIBLE");

	return o->plain || (term && strcmp(term, "dumb") == 0) ||
	    (accessible && accessible[0] && strcmp(accessible, "0") != 0);
}

static int
check_terminal(struct error *err)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		error_set(err, CODE_USAGE, "the chat needs a terminal, and standard %s is none",
		    isatty(STDIN_FILENO) ? "output" : "input");
		return error_hint(err, "ivchat ask [TEXT...]");
	}
	if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) {
		error_set(err, CODE_USAGE, "the chat needs a UTF-8 locale, and this one is %s",
		    nl_langinfo(CODESET));
		return error_hint(err, "ivchat --plain, or in a UTF-8 locale: LC_ALL=C.UTF-8 ivchat");
	}
	return 0;
}

/* The words are pictures. One that is neither a file nor a subcommand was meant as one or the other. */
static int
check_words(const struct options *o, struct error *err)
{
	for (int i = 0; i < o->n_operands; i++) {
		const char *word = o->operands[i];
		const struct command *near = cmd_nearest(word);
		struct stat st;

		if (stat(word, &st) == 0 && !S_ISDIR(st.st_mode))
			continue;
		error_set(err, CODE_USAGE, "'%s' is neither a subcommand nor a picture file", word);
		if (near)
			return error_hint(err,
			    "ivchat %s, or to ask something: ivchat ask '%s'", near->name, word);
		return error_hint(err, "ivchat ask '%s'", word);
	}
	return 0;
}

static int
check(const struct options *o, struct error *err)
{
	if (check_words(o, err) < 0)
		return -1;
	if (o->go_on && o->session)
		return error_set(err, CODE_USAGE, "-c and -s do not go together");
	for (int i = 0; i < o->n_images; i++)
		if (strcmp(o->images[i], "-") == 0) {
			error_set(err, CODE_USAGE, "-i -: in the chat, standard input is the keyboard");
			return error_hint(err, "ivchat ask -i - …");
		}
	return chat_is_plain(o) ? 0 : check_terminal(err);
}

/* Pictures of -i, then the words, then the sample or NULL. The caller frees. */
static const char **
all_images(const struct options *o, const char *sample)
{
	size_t n = (size_t)o->n_images, m = (size_t)o->n_operands;
	const char **all = xreallocarray(NULL, n + m + 1, sizeof *all);

	all[n + m] = sample;
	for (size_t i = 0; i < n; i++)
		all[i] = o->images[i];
	for (size_t i = 0; i < m; i++)
		all[n + i] = o->operands[i];
	return all;
}

/* Of the pictures that come with the program; NULL: they are not there. The caller frees. */
static char *
sample_folder(void)
{
	char *path = bundled_picture(DEMO_PICTURE);

	if (path && file_exists(path)) {
		*strrchr(path, '/') = '\0';
		return path;
	}
	free(path);
	return NULL;
}

static struct app_options
app_options(const struct options *o, const char *const *images, const char *samples, const struct paths *paths)
{
	return (struct app_options){
		.model_dir = o->model,
		.model_is_bundled = o->model_is_bundled,
		.engine = device_options(o),
		.images = images,
		.n_images = o->n_images + o->n_operands + o->demo,
		.samples = samples,
		.orient_ignore = o->orient_ignore,
		.system = o->system,
		.system_is_usual = o->system_is_usual,
		.max_tokens = o->max_tokens,
		.sampling = {o->temp, o->top_p, o->top_k, o->repeat_penalty, o->seed},
		.seed_set = o->seed_set,
		.resume = o->go_on ? "last" : o->session,
		.name = o->name,
		.no_save = o->no_save,
		.verbose = o->verbose,
		.image_mode = o->image_mode,
		.theme = o->theme,
		.ascii = o->ascii,
		.say = o->demo && chat_is_plain(o) && !o->say ? DEMO_QUESTION : o->say,
		.draft = o->demo ? DEMO_QUESTION : NULL,
		.plain = chat_is_plain(o),
		.piped = chat_is_plain(o) && !isatty(STDIN_FILENO),
		.paths = paths,
		.conf = o->conf,
	};
}

int
chat_go_on(struct options *o, const char *session)
{
	o->n_operands = 0;
	o->go_on = false;
	o->session = session;
	o->name = NULL;
	return cmd_chat.run(&cmd_chat, o);
}

static int
run(const struct command *self, struct options *o)
{
	struct paths paths = {0};
	struct error err = {0};
	struct app_options options;
	const char **images;
	char *sample = NULL, *samples;
	int status;

	(void)self;
	if (check(o, &err) < 0 || conf_paths(o->conf, &paths, &err) < 0) {
		paths_done(&paths);
		return cmd_fail(&err);
	}
	if (o->demo)
		sample = bundled_picture(DEMO_PICTURE);
	samples = sample_folder();
	images = all_images(o, sample);
	options = app_options(o, images, samples, &paths);
	status = app_run(&options, &err);
	free(images);
	free(sample);
	free(samples);
	paths_done(&paths);
	return err.code && status == (int)err.code ? cmd_fail(&err) : status;
}

const struct command cmd_chat = {
	"chat", "[PICTURE...]", "Chat on the screen, with the pictures attached.",
	OPT_MODEL | OPT_PICTURE | OPT_TALK | OPT_SESSION | OPT_SCREEN, run,
};
