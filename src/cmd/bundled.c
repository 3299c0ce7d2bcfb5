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

static bool
is_model(const char *dir)
{
	char *config = xasprintf("%s/config.json", dir);
	bool there = file_exists(config);

	free(config);
	return there;
}

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

static char *
beside_executable(void)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);

	if (n <= 0)
		return NULL;
	exe[n] = '\0';
	for (int i = 0; i <= PARENTS && go_up(exe); i++) {
		char *dir = xasprintf("%s/share/model", exe);

		if (is_model(dir))
			return dir;
		free(dir);
	}
	return NULL;
}

char *
bundled_model(void)
{
	const char *share = getenv("IVCHAT_SHARE");
	char *dir;

	if (share && share[0])
		return xasprintf("%s/model", share);
	dir = beside_executable();
	return dir ? dir : xstrdup(MODEL_DIR);
}
