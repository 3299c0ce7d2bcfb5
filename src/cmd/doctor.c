/* doctor.c: what this program finds around it, to be pasted into a report: nothing of what was said, no host, and the
 * home folder as ~. A line that names a problem begins with "!", and their number is the last line. */
#include "config.h"

#include <errno.h>
#include <langinfo.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <fcntl.h>

#include "app/app.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "cmd/columns.h"
#include "cmd/paint.h"
#include "cmd/shelf.h"
#include "engine/engine.h"
#include "engine/gpus.h"
#include "ui/ui.h"

struct report {
	const struct options *o;
	int n_problems;
};

/* ---- lines */

/* The home folder tells who somebody is. */
static void
add_private(struct buf *out, const char *text)
{
	const char *home = getenv("HOME"), *at;
	size_t n = home ? strlen(home) : 0;

	while (n > 1 && (at = strstr(text, home))) {
		buf_add(out, text, (size_t)(at - text));
		buf_char(out, '~');
		text = at + n;
	}
	buf_str(out, text);
}

/* One line; on a terminal as many as it takes, so that words stay whole. */
static void
print(char mark, const char *name, const char *text)
{
	const int terminal = columns_terminal();
	struct buf hidden = {0}, visible = {0};
	char left[32];

	add_private(&hidden, text);
	text_visible_line(&visible, buf_text(&hidden), hidden.n);
	snprintf(left, sizeof left, "%c %s", mark, name);
	columns_print(left, buf_text(&visible), 13, terminal > 0 ? terminal : INT_MAX);
	buf_done(&hidden);
	buf_done(&visible);
}

__attribute__((format(printf, 2, 3))) static void
tell(const char *name, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	print(' ', name, text);
}

static void
problem(struct report *r, const char *name, const char *text)
{
	const struct painter p = painter_of(r->o);

	fputs(paint_on(&p, PAINT_BAD), stdout);
	print('!', name, text);
	fputs(paint_off(&p, PAINT_BAD), stdout);
	r->n_problems++;
}

/* ---- program and machine */

static void
tell_program(void)
{
	struct utsname u;

	tell("ivchat", "%s, backends: %s", PACKAGE_VERSION, CMD_BACKENDS);
	tell("libraries", "%s", LIBRARIES);
	if (uname(&u) == 0)
		tell("system", "%s %s %s", u.sysname, u.release, u.machine);
}

/* "model name : …" of the first processor. */
static char *
processor_name(void)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[256], *name = NULL, *colon;

	while (f && !name && fgets(line, sizeof line, f))
		if (strncmp(line, "model name", 10) == 0 && (colon = strchr(line, ':')))
			name = xstrndup(colon + 2, strcspn(colon + 2, "\n"));
	if (f)
		fclose(f);
	return name ? name : xstrdup("processor");
}

static const char *
vectors(void)
{
#if defined __x86_64__ || defined __i386__
	if (__builtin_cpu_supports("avx512f"))
		return "avx2 fma avx512f";
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return "avx2 fma";
	return "no avx2: slow";
#else
	return "not x86";
#endif
}

static void
tell_processor(void)
{
	char *name = processor_name();
	long long page = sysconf(_SC_PAGESIZE), pages = sysconf(_SC_PHYS_PAGES), free_pages = sysconf(_SC_AVPHYS_PAGES);

	tell("processor", "%s, %ld threads, %s", name, sysconf(_SC_NPROCESSORS_ONLN), vectors());
	tell("memory", "%.1f GiB, %.1f GiB of it free", (double)(pages * page) / (1 << 30),
	    (double)(free_pages * page) / (1 << 30));
	free(name);
}

/* ---- GPUs */

/* Code of the same generation runs, and the last of the list also stands there in a form for all later ones. */
static bool
is_compiled_in(const char *archs, int number)
{
	int arch = 0;

	for (const char *at = archs; *at; at += strcspn(at, " ") + (at[strcspn(at, " ")] == ' ')) {
		arch = atoi(at);
		if (arch / 10 == number / 10 && arch <= number)
			return true;
	}
	return arch > 0 && arch <= number;
}

static void
tell_gpu(struct report *r, const struct gpu_software *sw, int number)
{
	char name[16], *text;
	struct gpu_info g;
	int arch;

	snprintf(name, sizeof name, "GPU %d", number);
	if (gpus_info(number, &g) < 0) {
		problem(r, name, g.name);
		return;
	}
	arch = 10 * g.major + g.minor;
	text = xasprintf("%s, %.1f GiB, %.1f GiB of it free, compute capability %d.%d%s", g.name, (double)g.total / (1 << 30),
	    (double)g.free / (1 << 30), g.major, g.minor, is_compiled_in(sw->archs, arch) ? "" :
	    ": this build has no code for it (configure --with-cuda-arch)");
	print(is_compiled_in(sw->archs, arch) ? ' ' : '!', name, text);
	r->n_problems += !is_compiled_in(sw->archs, arch);
	free(text);
}

/* No GPU is no problem: the CPU computes. One that cannot be used is. */
static void
tell_gpus(struct report *r)
{
	struct gpu_software sw;
	int n = gpus_count();

	gpus_software(&sw);
	if (!sw.archs) {
		tell("GPUs", "none are used: built without CUDA");
		return;
	}
	if (sw.driver > 0)
		tell("CUDA", "runtime %d.%d; driver %s, which knows CUDA up to %d.%d", sw.runtime / 1000,
		    sw.runtime % 1000 / 10, sw.driver_version[0] ? sw.driver_version : "of unknown version", sw.driver / 1000,
		    sw.driver % 1000 / 10);
	else
		tell("CUDA", "runtime %d.%d; no driver", sw.runtime / 1000, sw.runtime % 1000 / 10);
	if (n == 0 && sw.driver > 0 && sw.driver < sw.runtime)
		problem(r, "GPUs", sw.problem);
	else if (n == 0)
		tell("GPUs", "none: %s", sw.problem);
	for (int i = 0; i < n; i++)
		tell_gpu(r, &sw, i);
}

/* ---- terminal */

static const char *
variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : "not set";
}

static void
tell_environment(struct report *r)
{
	tell("TERM", "%s; COLORTERM %s; NO_COLOR %s; %s%s", variable("TERM"), variable("COLORTERM"), variable("NO_COLOR"),
	    getenv("TMUX") ? "in tmux" : "no tmux", getenv("SSH_CONNECTION") ? ", over SSH" : "");
	if (strcmp(nl_langinfo(CODESET), "UTF-8") == 0)
		tell("locale", "UTF-8");
	else
		problem(r, "locale", "not UTF-8: the screen needs LC_ALL=C.UTF-8 or the like, --plain does not");
}

/* tmux holds Esc back to see whether it begins a key; what is pressed meanwhile becomes Alt with that key. */
static void
tell_tmux(void)
{
	enum { LONG_MS = 100 };
	FILE *f = getenv("TMUX") ? popen("tmux show-options -sv escape-time 2>/dev/null", "re") : NULL;
	int ms;

	if (!f)
		return;
	if (fscanf(f, "%d", &ms) == 1)
		tell("tmux", ms > LONG_MS ? "escape-time %d ms: Esc acts that much later, and a key pressed before is Alt with it; "
		    "'set -s escape-time 20' in ~/.tmux.conf is enough" : "escape-time %d ms", ms);
	pclose(f);
}

static void
tell_pictures(const struct ui_terminal *t)
{
	if (!t->answered)
		tell("pictures", "half blocks: the terminal does not answer questions");
	else if (!t->sixel)
		tell("pictures", "half blocks: the terminal does not say that it has sixel");
	else
		tell("pictures", "sixel, %d registers, at most %dx%d pixels (0: not told)", t->registers, t->max_w, t->max_h);
}

static void
tell_terminal(struct report *r)
{
	struct ui_terminal t;
	bool there = ui_probe(&t);

	tell_environment(r);
	tell_tmux();
	if (t.colors < 0)
		problem(r, "colours", "TERM is not known to terminfo: the screen cannot be opened, --plain can");
	else
		tell("colours", "%d", t.colors);
	if (!there) {
		tell("terminal", "not a terminal");
		return;
	}
	tell("terminal", "%s, %dx%d cells", t.name[0] ? t.name : "without a name", t.cols, t.rows);
	tell("cell", "%dx%d pixels%s", t.cell_w, t.cell_h, t.cell_told ? "" : ", a guess");
	tell_pictures(&t);
	tell("updates", t.sync ? "synchronized" : "not synchronized");
}

/* ---- settings, model, store */

static void
tell_binding(void *arg, const char *line)
{
	problem(arg, "config", line);
}

static void
ignore_line(void *arg, const char *line)
{
	(void)arg;
	(void)line;
}

/* What each key sends, until q. */
static int
show_keys(const struct options *o, struct error *err)
{
	struct ui_keymap *map = app_keymap(o->conf, ignore_line, NULL);
	int rc = ui_show_keys(map, err);

	ui_keymap_free(map);
	return rc < 0 ? cmd_fail(err) : CODE_OK;
}

static void
tell_settings(struct report *r)
{
	const struct conf *c = r->o->conf;

	if (c->path)
		tell("config", "%s%s", c->path, file_exists(c->path) ? "" : ": there is none");
	for (int i = 0; i < c->n_warnings; i++)
		problem(r, "config", c->warnings[i]);
	ui_keymap_free(app_keymap(c, tell_binding, r));
	ui_colors_free(app_colors(c, tell_binding, r));
}

static void
tell_model(struct report *r)
{
	struct error err = {0};
	struct card *card = card_open(r->o->model, &err);
	long long bytes;

	if (!card || card_check(card, &bytes, &err) < 0)
		problem(r, "model", err.what);
	else
		tell("model", "%s%s: whole, %.1f M parameters, %lld bytes%s%s, context %d", r->o->model,
		    r->o->model_is_bundled ? " (built-in)" : "", (double)card_info(card)->n_params / 1e6, bytes,
		    card_info(card)->stored ? ", packed in " : "", card_info(card)->stored ? card_info(card)->stored : "",
		    card_info(card)->n_ctx_max);
	card_free(card);
}

/* Writes, syncs and locks a file of its own. NULL, or what failed. */
static const char *
try_folder(const char *folder)
{
	char *path = xasprintf("%s/.doctor-%ld", folder, (long)getpid());
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	const char *failed = NULL;

	if (fd < 0)
		failed = "cannot make a file";
	else if (file_write_all(fd, "x\n", 2) != 0 || fdatasync(fd) != 0)
		failed = "cannot write";
	else if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		failed = "cannot lock: the lock files beside the sessions hold alone";
	if (fd >= 0) {
		unlink(path);
		close(fd);
	}
	free(path);
	return failed;
}

static void
tell_folder(struct report *r, const char *folder)
{
	const char *failed = try_folder(folder);
	struct statvfs fs;
	char *text;

	if (failed) {
		text = xasprintf("%s: %s: %s", folder, failed, strerror(errno));
		problem(r, "store", text);
		free(text);
		return;
	}
	if (statvfs(folder, &fs) == 0)
		tell("store", "%s: writes and locks, %.1f GiB free", folder,
		    (double)fs.f_bavail * (double)fs.f_frsize / (1 << 30));
}

static void
tell_store(struct report *r)
{
	struct shelf shelf = {0};
	struct session_info *list = NULL;
	struct error err = {0};
	int n = 0;

	if (shelf_open(&shelf, r->o, &err) < 0 || store_list(shelf.store, &list, &n, &err) < 0)
		problem(r, "store", err.what);
	else if (!file_exists(shelf.paths.data))
		tell("store", "%s: not there yet, the first message makes it", shelf.paths.data);
	else
		tell_folder(r, shelf.paths.data);
	tell("sessions", "%d", n);
	session_list_free(list, n);
	shelf_close(&shelf);
}

static int
run(const struct command *self, struct options *o)
{
	struct report r = { .o = o };
	struct error err = {0};

	if (o->n_operands > 0) {
		error_set(&err, CODE_USAGE, "%s takes no operand: '%s'", self->name, o->operands[0]);
		return cmd_fail(&err);
	}
	if (o->keys)
		return show_keys(o, &err);
	tell_program();
	tell_processor();
	tell_gpus(&r);
	tell_terminal(&r);
	tell_settings(&r);
	tell_model(&r);
	tell_store(&r);
	printf("%d problem%s\n", r.n_problems, r.n_problems == 1 ? "" : "s");
	return r.n_problems ? CODE_NEGATIVE : CODE_OK;
}

const struct command cmd_doctor = {
	"doctor", "", "Tell about terminal, model, store and libraries, for reports.", OPT_MODEL | OPT_DOCTOR, run,
};
