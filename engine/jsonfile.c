/* jsonfile.c: see jsonfile.h. */
#include "config.h"

#include "engine/jsonfile.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/file.h"

#define MAX_BYTES (64u << 20)

static json_t *
parse(const char *path, const struct buf *text, struct error *err)
{
	json_error_t why;
	json_t *root = json_loadb(buf_text(text), text->n, JSON_REJECT_DUPLICATES, &why);

	if (!root) {
		error_set(err, CODE_MODEL, "'%s' is not JSON: %s, line %d", path, why.text, why.line);
		return NULL;
	}
	if (!json_is_object(root)) {
		error_set(err, CODE_MODEL, "'%s' is not a JSON object", path);
		json_decref(root);
		return NULL;
	}
	return root;
}

json_t *
jsonfile_read(const char *dir, const char *name, struct error *err)
{
	char *path = xasprintf("%s/%s", dir, name);
	struct buf text = {0};
	json_t *root = NULL;

	if (file_read(path, MAX_BYTES, &text, CODE_MODEL, err) == 0)
		root = parse(path, &text, err);
	buf_done(&text);
	free(path);
	return root;
}

/* A link to nowhere is a file that is missing, not one that nobody meant to be there. */
int
jsonfile_read_optional(json_t **out, const char *dir, const char *name, struct error *err)
{
	char *path = xasprintf("%s/%s", dir, name);
	struct stat st;
	bool there = lstat(path, &st) == 0 || errno != ENOENT;

	free(path);
	*out = there ? jsonfile_read(dir, name, err) : NULL;
	return there && !*out ? -1 : 0;
}
