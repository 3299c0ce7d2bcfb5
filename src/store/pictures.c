/* pictures.c: original bytes by their hash: pictures/a1/a1b2….png. A file is there whole or not at all, and is never
 * written again. */
#include "config.h"

#include "store/store.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/file.h"
#include "store/internal.h"

#define PICTURE_MODE 0400

static bool
sha_valid(const char *sha)
{
	return strlen(sha) == 64 && strspn(sha, "0123456789abcdef") == 64;
}

static bool
has_size(const char *path, size_t n)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && (size_t)st.st_size == n;
}

int
store_put_picture(struct store *s, const struct picture *p, struct error *err)
{
	char *folder = xasprintf("%s/%.2s", s->pictures, p->sha);
	char *path = xasprintf("%s/%s.%s", folder, p->sha, p->suffix);
	int rc = file_make_dirs(folder, FOLDER_MODE, err);

	if (rc == 0)
		pictures_hold(s);
	if (rc == 0 && !has_size(path, p->bytes.n)) {
		rc = file_replace(path, buf_text(&p->bytes), p->bytes.n, PICTURE_MODE, err);
		if (rc == 0)
			folder_sync(path);
	}
	free(path);
	free(folder);
	return rc;
}

/* The stored file of a hash, whatever its suffix; NULL: none. The caller frees. */
static char *
find(const struct store *s, const char *sha)
{
	char *folder = xasprintf("%s/%.2s", s->pictures, sha), *path = NULL;
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && !path && (entry = readdir(dir)))
		if (strncmp(entry->d_name, sha, 64) == 0 && entry->d_name[64] == '.' && !strstr(entry->d_name, ".tmp"))
			path = xasprintf("%s/%s", folder, entry->d_name);
	if (dir)
		closedir(dir);
	free(folder);
	return path;
}

int
store_get_picture(struct store *s, const struct pic *pic, struct buf *out, struct error *err)
{
	char *path = sha_valid(pic->sha) ? find(s, pic->sha) : NULL, sha[65];
	size_t before = out->n;
	int rc;

	if (!path) {
		error_set(err, CODE_INPUT, "picture #%d '%s' is not in the store", pic->n,
		    pic->name ? pic->name : "");
		return error_hint(err, "its bytes belong in '%s', named %.12s….", s->pictures, pic->sha);
	}
	rc = file_read(path, PICTURE_MAX_BYTES, out, CODE_INPUT, err);
	if (rc == 0) {
		picture_sha(out->at + before, out->n - before, sha);
		if (strcmp(sha, pic->sha) != 0)
			rc = error_set(err, CODE_INPUT,
			    "stored picture #%d is damaged: '%s' has other bytes than its name says", pic->n, path);
	}
	if (rc < 0 && out->at)
		buf_cut(out, before);
	free(path);
	return rc;
}

int
store_copy_picture(struct store *from, struct store *to, const struct pic *pic, struct error *err)
{
	char *path = sha_valid(pic->sha) ? find(from, pic->sha) : NULL;
	struct picture p = {0};
	int rc = store_get_picture(from, pic, &p.bytes, err);

	if (rc == 0) {
		memcpy(p.sha, pic->sha, sizeof p.sha);
		p.suffix = strrchr(path, '.') + 1;
		rc = store_put_picture(to, &p, err);
	}
	buf_done(&p.bytes);
	free(path);
	return rc;
}
