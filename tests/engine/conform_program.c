/* conform_program.c: the same prompts through the program itself: picture files, messages, options, JSON out. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "conform.h"

static void
add_message(json_t *list, const char *role, json_t *content)
{
	json_array_append_new(list, json_pack("{s:s, s:O}", "role", role, "content", content));
}

/* The conversation as `ask --messages` takes it, in a temporary file whose path the caller frees and removes. */
static char *
write_messages(const json_t *golden)
{
	const json_t *history = json_object_get(golden, "history");
	const char *tmp = getenv("TMPDIR");
	char *path = xasprintf("%s/ivchat-conform-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	json_t *list = json_array();
	int fd = mkstemp(path);

	for (size_t i = 0; i < json_array_size(history); i++) {
		const json_t *round = json_array_get(history, i);

		add_message(list, "user", json_array_get(round, 0));
		add_message(list, "assistant", json_array_get(round, 1));
	}
	add_message(list, "user", json_object_get(golden, "question"));
	json_dumpfd(list, fd, 0);
	json_decref(list);
	close(fd);
	return path;
}

/* Paths of fixtures are put between single quotes and hold none. */
static json_t *
run_program(const struct fixture *f, const json_t *golden, const char *messages)
{
	const json_t *images = json_object_get(golden, "images");
	struct buf command = {0};
	json_t *answer = NULL;
	FILE *pipe;

	buf_printf(&command, "'%s' ask -q -m '%s' --gpus %s --reference --json --prompt-ids -n %zu --messages '%s'",
	    f->program, card_info(f->card)->dir, f->gpu ? f->gpu : "none", json_array_size(json_object_get(golden, "continuation")), messages);
	for (size_t i = 0; i < json_array_size(images); i++)
		buf_printf(&command, " -i '%s/images/%s'", f->folder, json_string_value(json_array_get(images, i)));
	pipe = popen(buf_text(&command), "r");
	if (pipe) {
		answer = json_loadf(pipe, JSON_DISABLE_EOF_CHECK, NULL);
		if (pclose(pipe) != 0) {
			json_decref(answer);
			answer = NULL;
		}
	}
	buf_done(&command);
	return answer;
}

/* Keys of the program's JSON and of the golden whose values must be the same. */
static const char *const same[][2] = {
	{ "prompt_ids", "input_ids" }, { "ids", "continuation" }, { "text", "response_stripped" },
};

static void
check_run(struct fixture *f, const char *name, const json_t *golden)
{
	char *messages = write_messages(golden);
	json_t *answer = run_program(f, golden, messages);

	if (f->gpu) {           /* the same as by the library, which may differ from the golden at a near tie */
		check_true(f->tally, json_equal(json_object_get(answer, "ids"), json_object_get(golden, "ours")),
		    "%s by the program: ids equal to the library's", name);
		json_decref(answer);
		unlink(messages);
		free(messages);
		return;
	}
	for (size_t i = 0; i < sizeof same / sizeof *same; i++)
		check_true(f->tally, json_equal(json_object_get(answer, same[i][0]), json_object_get(golden, same[i][1])),
		    "%s by the program: %s equal", name, same[i][0]);
	json_decref(answer);
	unlink(messages);
	free(messages);
}

static bool
has_pictures(const struct fixture *f, const json_t *golden)
{
	const json_t *images = json_object_get(golden, "images");
	bool all = true;

	for (size_t i = 0; i < json_array_size(images); i++) {
		char *path = xasprintf("%s/images/%s", f->folder, json_string_value(json_array_get(images, i)));

		all = all && file_exists(path);
		free(path);
	}
	return all;
}

void
check_program(struct fixture *f)
{
	const char *name;
	json_t *golden;

	if (!f->program)
		return;
	json_object_foreach(json_object_get(f->json, "prompts"), name, golden)
		if (has_pictures(f, golden))
			check_run(f, name, golden);
}
