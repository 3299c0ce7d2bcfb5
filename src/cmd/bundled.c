/* bundled.c: see bundled.h. A program that was not installed finds the share/ of its own tree by going up
 * from the place of the executable, so that a fresh build runs where it stands. */
#include "config.h"

#include "cmd/bundled.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"

#define PARENTS 3

/* "/a/b/c" → "/a/b"; false at the root. */
static bool
go_up(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return false;
	*slash = '\0';
	return true;
}

/* "share/NAME" of the source that the program was built from; NULL: there is no such file. */
static char *
beside_executable(const char *name)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);

	if (n <= 0)
		return NULL;
	exe[n] = '\0';
	for (int i = 0; i <= PARENTS && go_up(exe); i++) {
		char *path = xasprintf("%s/share/%s", exe, name);

		if (file_exists(path))
			return path;
		free(path);
	}
	return NULL;
}

static char *
find(const char *folder, const char *name, const char *installed)
{
	const char *share = getenv("IVCHAT_SHARE");
	char *in_share = xasprintf("%s/%s", folder, name), *path;

	if (share && share[0])
		path = xasprintf("%s/%s", share, in_share);
	else
		path = beside_executable(in_share);
	free(in_share);
	return path ? path : xasprintf("%s/%s", installed, name);
}

char *
bundled_model(void)
{
	char *path = find("model", "config.json", MODEL_DIR);

	*strrchr(path, '/') = '\0';
	return path;
}

char *
bundled_picture(const char *name)
{
	return find("pictures", name, PICTURES_DIR);
}
