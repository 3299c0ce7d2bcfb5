/* digests.c: see digests.h. What a file should be is known from whatever brought it here: the hub's cache names a file by
 * its SHA-256 and links to it, the hub's download into a folder leaves a note beside it, and a list in sha256sum(1)'s
 * form may lie in the folder. Small files the hub names by another hash; of them only the list tells. */
#include "config.h"

#include "cmd/digests.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/file.h"
#include "cmd/cmd.h"

enum { HEX = 2 * SHA256_DIGEST_SIZE, PIECE = 1 << 20, NOTE_MAX = 1 << 20 };

static const char LIST[] = "SHA256SUMS";

/* Takes 64 hexadecimal digits, and nothing of them behind, from the beginning of s. */
static bool
take_hex(const char *s, char out[HEX + 1])
{
	if (strspn(s, "0123456789abcdef") != HEX)
		return false;
	memcpy(out, s, HEX);
	out[HEX] = '\0';
	return true;
}

/* .../snapshots/COMMIT/NAME leads to ../../blobs/SHA. */
static bool
told_by_link(const char *path, char out[HEX + 1])
{
	char to[4096];
	ssize_t n = readlink(path, to, sizeof to - 1);
	const char *name;

	if (n < 0)
		return false;
	to[n] = '\0';
	name = strrchr(to, '/');
	return take_hex(name ? name + 1 : to, out);
}

/* The note's lines: the commit, the hash, the time. */
static bool
told_by_note(const char *dir, const char *name, char out[HEX + 1])
{
	char *path = xasprintf("%s/.cache/huggingface/download/%s.metadata", dir, name);
	struct buf text = {0};
	bool found = false;
	const char *second;

	if (file_read(path, NOTE_MAX, &text, CODE_MODEL, &(struct error){0}) == 0) {
		second = strchr(buf_text(&text), '\n');
		found = second && take_hex(second + 1, out);
	}
	buf_done(&text);
	free(path);
	return found;
}

/* A line: the hash, a blank, a blank or '*', the name. */
static bool
told_by_list(const char *dir, const char *name, char out[HEX + 1])
{
	char *path = xasprintf("%s/%s", dir, LIST);
	struct buf text = {0};
	bool found = false;

	if (file_read(path, NOTE_MAX, &text, CODE_MODEL, &(struct error){0}) == 0)
		for (const char *line = buf_text(&text); !found && *line; line += strcspn(line, "\n"), line += *line == '\n') {
			size_t n = strcspn(line, "\n");

			found = n == HEX + 2 + strlen(name) && memcmp(line + HEX + 2, name, strlen(name)) == 0 &&
			    take_hex(line, out);
		}
	buf_done(&text);
	free(path);
	return found;
}

static int
hash_file(const char *path, char out[HEX + 1], struct error *err)
{
	uint8_t digest[SHA256_DIGEST_SIZE], *piece = xmalloc(PIECE);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct sha256_ctx sha;
	ssize_t n = fd < 0 ? -1 : 0;

	sha256_init(&sha);
	while (fd >= 0 && ((n = read(fd, piece, PIECE)) > 0 || (n < 0 && errno == EINTR)))
		if (n > 0)
			sha256_update(&sha, (size_t)n, piece);
	if (n < 0)
		error_set(err, CODE_MODEL, "cannot read '%s': %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	free(piece);
	sha256_digest(&sha, sizeof digest, digest);
	for (size_t i = 0; i < sizeof digest; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
	return n < 0 ? -1 : 0;
}

/* Returns 1: it is what it should be, 0: nothing tells what that is. */
static int
check_file(const char *dir, const char *name, const char *path, struct error *err)
{
	char is[HEX + 1], should[HEX + 1];
	bool told = told_by_link(path, should) || told_by_note(dir, name, should) || told_by_list(dir, name, should);

	if (hash_file(path, is, err) < 0)
		return -1;
	printf("%s  ", is);
	cmd_print(stdout, name, strlen(name));
	puts(!told ? "" : strcmp(is, should) == 0 ? "  as published" : "  not as published");
	fflush(stdout);
	if (!told || strcmp(is, should) == 0)
		return told;
	error_set(err, CODE_MODEL, "'%s' is not the file that was published: its SHA-256 should be %s", path, should);
	return error_hint(err, "fetch this file again");
}

static int
is_wanted(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && strcmp(entry->d_name, LIST) != 0;
}

int
digests_check(const char *dir, struct error *err)
{
	struct dirent **list;
	int n = scandir(dir, &list, is_wanted, alphasort), told = 0, all = 0, rc = 0;

	if (n < 0)
		return error_set(err, CODE_MODEL, "cannot read the folder '%s': %s", dir, strerror(errno));
	for (int i = 0; i < n; i++) {
		char *path = xasprintf("%s/%s", dir, list[i]->d_name);
		struct stat st;

		if (rc >= 0 && (stat(path, &st) < 0 || S_ISREG(st.st_mode))) {
			rc = check_file(dir, list[i]->d_name, path, err);
			told += rc > 0;
			all++;
		}
		free(path);
		free(list[i]);
	}
	free(list);
	if (rc < 0)
		return -1;
	printf("%d of %d files are as published", told, all);
	if (told < all)
		printf("; nothing here tells what the other%s should be", all - told == 1 ? "" : " ones");
	putchar('\n');
	return 0;
}
