#include "config.h"
#include "app.h"
int
replay_run(const struct replay_options *options, int *go_on, struct error *err)
{
	(void)options; (void)go_on;
	error_set(err, CODE_USAGE, "not yet");
	return CODE_USAGE;
}
