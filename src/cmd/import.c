/* import.c: conversations from files, each as a new session whose id is printed. */
#include "config.h"

#include "cmd/cmd.h"
#include "cmd/shelf.h"
#include "export/export.h"

static int
import(struct shelf *shelf, const char *path, struct error *err)
{
	char id[32];
	int n_missing = 0;

	if (import_file(shelf->store, path, id, &n_missing, err) < 0)
		return -1;
	puts(id);
	fflush(stdout);
	if (n_missing > 0)
		fprintf(stderr, "ivchat: '%s': %d picture%s neither in the file nor in the store\n", path, n_missing,
		    n_missing == 1 ? " is" : "s are");
	return 0;
}

static int
run(const struct command *self, struct options *o)
{
	struct shelf shelf = {0};
	struct error err = {0};
	int failed;

	(void)self;
	if (o->n_operands == 0) {
		error_set(&err, CODE_USAGE, "import needs a file");
		error_hint(&err, "ivchat import talk.json");
		return cmd_fail(&err);
	}
	failed = shelf_open(&shelf, o, &err);
	for (int i = 0; i < o->n_operands && !failed; i++)
		failed = import(&shelf, o->operands[i], &err);
	shelf_close(&shelf);
	return failed ? cmd_fail(&err) : CODE_OK;
}

const struct command cmd_import = {
	"import", "FILE...", "Make sessions of exported JSON or lists of {\"role\", \"content\"}.", OPT_CONF, run,
};
