/* fuzz.c: session files, exports to be imported and config files, damaged at random, through the doors that read them. Not
 * part of `make check`: `make fuzz && ./fuzz SECONDS [FIRST]`, in a build with --enable-sanitizers=address,undefined. The
 * number of a try is all that it depends on; TMPDIR on a memory disk makes it twice as fast; when one dies its number is said, and `./fuzz 0 NUMBER` does it again.
 *
 * Beside not dying: what could be read of a session can still be read after the next writer has written, and what an
 * import took is exported and imported again as the same. */
#include "config.h"

#include <ftw.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/file.h"
#include "conf/conf.h"
#include "export/export.h"
#include "store/store.h"

#define ID "20260823-141503-7f3a"

static const char session[] =
	"{\"t\":\"session\",\"v\":1,\"id\":\"" ID "\",\"made\":\"2026-08-23T14:15:03.000Z\",\"app\":\"0.1.0\",\"model\":{\"name\":\"tiny\",\"digest\":\"ab\"},\"origin\":\"x\"}\n"
	"{\"t\":\"system\",\"up\":0,\"at\":\"2026-08-23T14:15:03.000Z\",\"text\":\"Be brief.\"}\n"
	"{\"t\":\"user\",\"id\":1,\"up\":0,\"at\":\"2026-08-23T14:15:03.000Z\",\"pics\":[{\"n\":1,\"sha\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",\"name\":\"a.png\",\"w\":5,\"h\":3,\"type\":\"image/png\"}],\"text\":\"What is a Fox? \xe7\x8b\x90\"}\n"
	"{\"t\":\"part\",\"id\":2,\"up\":1,\"at\":\"2026-08-23T14:15:03.000Z\",\"text\":\"A \"}\n"
	"{\"t\":\"answer\",\"id\":2,\"up\":1,\"at\":\"2026-08-23T14:15:03.000Z\",\"stop\":\"length\",\"sampling\":{\"max_tokens\":512,\"top_k\":0,\"temp\":0,\"top_p\":1,\"repeat_penalty\":1},\"seed\":\"18446744073709551615\",\"ids\":[5,6],\"ms\":[10,20],\"build\":\"b\",\"gpu\":\"cpu\",\"reused\":3,\"segs\":[[\"prefill\",0,3],[\"prefill\",3,9,12],[\"decode\",9,11]],\"text\":\"A **fox**\\n\"}\n"
	"{\"t\":\"answer\",\"id\":3,\"up\":1,\"at\":\"2026-08-23T14:15:04.000Z\",\"stop\":\"eos\",\"cont\":2,\"given\":2,\"edited\":true,\"sampling\":{},\"seed\":7,\"ids\":[5,6,7],\"ms\":[1,2,3],\"text\":\"A **fox** <ref>x</ref><box>[[1,2,3,4]]</box>\"}\n"
	"{\"t\":\"note\",\"up\":2,\"at\":\"2026-08-23T14:15:05.000Z\",\"text\":\"a note\"}\n"
	"{\"t\":\"user\",\"id\":4,\"up\":3,\"at\":\"2026-08-23T14:15:06.000Z\",\"pics\":[],\"text\":\"and?\"}\n"
	"{\"t\":\"part\",\"id\":5,\"up\":4,\"at\":\"2026-08-23T14:15:07.000Z\",\"text\":\"kil\"}\n"
	"{\"t\":\"drop\",\"up\":3,\"at\":\"2026-08-23T14:15:08.000Z\",\"ids\":[1]}\n"
	"{\"t\":\"pin\",\"id\":4,\"on\":true,\"at\":\"2026-08-23T14:15:08.000Z\"}\n"
	"{\"t\":\"tag\",\"on\":true,\"at\":\"2026-08-23T14:15:08.000Z\",\"tag\":\"work\"}\n"
	"{\"t\":\"name\",\"at\":\"2026-08-23T14:15:08.000Z\",\"name\":\"my fox\"}\n"
	"{\"t\":\"head\",\"id\":3,\"at\":\"2026-08-23T14:15:08.000Z\"}\n";

static const char list[] =
	"[{\"role\":\"system\",\"content\":\"Be brief.\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"what is\"},"
	"{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/x-portable-pixmap;base64,UDYgMSAxIDI1NQphYmM=\"}}]},"
	"{\"role\":\"assistant\",\"content\":\"a \xe7\x8c\xab\"}]\n";

static const char config[] =
	"gen.temp = 0.7\ngen.system = \"be brief\"\nui.ascii = on\nmodel.gpus = 0,1\nimage.max_kib = 256\nhangup.grace = 10m\n"
	"bind Ctrl-X Ctrl-E = editor\nbind F5 = regen\ncolor.user = bold #ff8800 on 17\ninclude other\nstore.dir = ~/x\n"
	"[preset brief]\nsystem = 'one\ttwo'\ntemp = 1\ntop_p = .9\nmax_tokens = 9\n# end\n";

static const char *const pieces[] = {
	"null", "true", "-1", "0", "1e999", "2147483648", "99999999999999999999", "[]", "{}", "\"\"", "\"\\ud800\"", "\\u0000", "\n",
	"\"t\":\"user\"", "\"id\":3", "\"up\":-1", "\xff", "\xe7\x8b", "\"", "\\", "{", "[", "}", "]", ",", ":", "=", "[preset ", "include ",
	"\r\n", "\t", "\xef\xbb\xbf", "\"cont\":1", "\"ids\":[1e9]", "answer", "part", "note", "../../x", "\033[2J",
};

/* ---- chance: a try's number is all it knows */

static uint64_t state;
static long trying;

static unsigned
chance(size_t n)
{
	state += 0x9e3779b97f4a7c15u;
	uint64_t z = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9u;

	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (unsigned)((z ^ (z >> 31)) % (n ? n : 1));
}

static void
insert(struct buf *b, size_t at, const char *bytes, size_t n)
{
	struct buf tail = {0};

	buf_add(&tail, b->at + at, b->n - at);
	buf_cut(b, at);
	buf_add(b, bytes, n);
	buf_add(b, buf_text(&tail), tail.n);
	buf_done(&tail);
}

static void
take_away(struct buf *b, size_t at, size_t n)
{
	struct buf tail = {0};

	buf_add(&tail, b->at + at + n, b->n - at - n);
	buf_cut(b, at);
	buf_add(b, buf_text(&tail), tail.n);
	buf_done(&tail);
}

static void
damage_once(struct buf *b)
{
	size_t at = chance(b->n), n = chance(chance(4) ? 12 : 400);
	char copy[400];
	const char *piece = pieces[chance(sizeof pieces / sizeof *pieces)];

	if (b->n == 0 || n > b->n - at)
		n = b->n - at;
	switch (chance(6)) {
	case 0:
		if (b->n > 0)
			b->at[at] = (char)chance(256);
		break;
	case 1:
		insert(b, at, piece, strlen(piece));
		break;
	case 2:
		take_away(b, at, n);
		break;
	case 3:                 /* again, somewhere else */
		memcpy(copy, b->at + at, n);
		insert(b, chance(b->n), copy, n);
		break;
	case 4:                 /* instead of a number or a word */
		while (at < b->n && !strchr(":,[= ", b->at[at]))
			at++;
		at += at < b->n;
		for (n = 0; at + n < b->n && !strchr(",]}\n", b->at[at + n]); n++)
			;
		take_away(b, at, n);
		insert(b, at, piece, strlen(piece));
		break;
	case 5:
		if (chance(8) == 0)
			buf_cut(b, at);
		break;
	}
}

static void
damage(struct buf *b)
{
	for (unsigned n = 1 + chance(1 + chance(8)); n > 0; n--)
		damage_once(b);
}

/* ---- the world around a try */

static char *dir;
static struct paths paths;

static void
say_which(void)
{
	fprintf(stderr, "fuzz: this was try %ld: ./fuzz 0 %ld does it again\n", trying, trying);
}

static void
die(int sig)
{
	say_which();
	signal(sig, SIG_DFL);
	raise(sig);
}

static void
demand(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "fuzz: %s\n", what);
	abort();
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
	(void)st;
	(void)kind;
	return where->level == 0 ? 0 : remove(path);
}

static void
put_file(const char *path, const struct buf *text)
{
	char *folder = xstrndup(path, (size_t)(strrchr(path, '/') - path));

	file_make_dirs(folder, 0700, NULL);
	demand(file_replace(path, buf_text(text), text->n, 0600, NULL) == 0, "cannot write a file");
	free(folder);
}

/* ---- sessions */

static int
count_found(void *arg, const struct found *f)
{
	size_t *n = arg;

	for (int i = 0; i < f->n_lines; i++)
		demand(f->lines[i].from <= f->lines[i].to && f->lines[i].to <= f->text_n, "a line that is not in its text");
	*n += f->text_n;
	return 0;
}

static void
search(struct store *s)
{
	static const struct query queries[] = {
		{ .pattern = "fox" }, { .pattern = "F.x|kil", .extended = true, .word = true }, { .pattern = "\xe7\x8b\x90", .word = true },
		{ .pattern = ".", .extended = true, .role = "note" }, { .pattern = "e", .tag = "work", .since = "2026" },
		{ .sha = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
	};
	size_t n = 0;

	for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
		store_search(s, &queries[i], count_found, &n, NULL);
}

static void
count_line(void *arg, const char *line)
{
	*(size_t *)arg += strlen(line);
}

static void
look_around(struct store *s)
{
	struct session_info *infos;
	struct garbage garbage;
	size_t bytes = 0;
	int n;

	if (store_list(s, &infos, &n, NULL) == 0)
		session_list_free(infos, n);
	store_check(s, count_line, &bytes, NULL);
	store_collect(s, false, &garbage, NULL);
	search(s);
}

static void
walk(const struct chat *c)
{
	free(chat_title(c));
	for (int id = 0; id <= c->n_messages; id++) {
		int *ids;

		chat_branch(c, id, &ids);
		free(ids);
		chat_siblings(c, id, &ids);
		free(ids);
		chat_leaf_below(c, id);
		chat_system(c, id);
		free(chat_left_out(c, id));
		chat_free(chat_fork(c, id));
	}
}

static void
export_all(struct store *s, const struct chat *c)
{
	for (int i = 0; export_formats[i]; i++)
		for (int all = 0; all < 2; all++) {
			struct export e = { .store = s, .chat = c, .all_branches = all, .embed = true };
			struct buf out = {0};

			export_write(export_formats[i], &e, &out, NULL);
			buf_done(&out);
		}
}

static bool
same_messages(const struct chat *a, const struct chat *b, int n)
{
	for (int i = 0; i < n; i++)
		if (a->messages[i].text_n != b->messages[i].text_n || a->messages[i].up != b->messages[i].up ||
		    memcmp(a->messages[i].text, b->messages[i].text, a->messages[i].text_n) != 0)
			return false;
	return true;
}

/* What was read before is there still when somebody has gone on with it. */
static void
go_on(struct store *s, struct chat *c)
{
	struct session *w = session_resume(s, c, NULL);
	const int had = c->n_messages;
	struct chat *again;

	if (!w)
		return;
	demand(session_put_user(w, chat_add_user(c, "more", 4, NULL, 0), NULL) == 0, "a session that cannot be gone on with");
	session_close(w);
	again = store_read(s, c->id, NULL, NULL, NULL);
	demand(again && again->n_messages == had + 1, "a message was lost by going on");
	demand(same_messages(c, again, had + 1), "a message is another one after going on");
	chat_free(again);
}

static void
try_session(struct store *s)
{
	struct buf text = {0};
	char *path = xasprintf("%s/sessions/2026/" ID ".jsonl", paths.data);
	struct chat *c;
	bool read_only;
	int n_bad;

	buf_add(&text, session, sizeof session - 1);
	damage(&text);
	put_file(path, &text);
	look_around(s);
	c = store_read(s, ID, &n_bad, &read_only, NULL);
	if (c) {
		walk(c);
		export_all(s, c);
		if (!read_only)
			go_on(s, c);
	}
	chat_free(c);
	buf_done(&text);
	free(path);
}

/* ---- imports */

static void
export_json(struct store *s, const char *id, struct buf *out)
{
	struct chat *c = store_read(s, id, NULL, NULL, NULL);
	struct export e = { .store = s, .chat = c, .embed = true };

	demand(c != NULL, "an imported session cannot be read");
	demand(export_write(export_find("json"), &e, out, NULL) == 0, "an imported session cannot be exported");
	chat_free(c);
}

/* From the name on: before it stand the id and when it was made. */
static const char *
rest(const struct buf *json)
{
	const char *at = strstr(buf_text(json), "\n\"name\": ");

	return at ? at : "";
}

static bool
import(struct store *s, const char *path, const struct buf *text, char id[32])
{
	int n_missing;

	put_file(path, text);
	return import_file(s, path, id, &n_missing, NULL) == 0;
}

static void
try_import(struct store *s, const struct buf *exported)
{
	struct buf text = {0}, first = {0}, second = {0};
	char *path = xasprintf("%s/in.json", dir), id[32];

	if (chance(4) == 0)
		buf_add(&text, list, sizeof list - 1);
	else
		buf_add(&text, exported->at, exported->n);
	damage(&text);
	if (import(s, path, &text, id)) {
		export_json(s, id, &first);
		demand(import(s, path, &first, id), "what was exported cannot be imported");
		export_json(s, id, &second);
		demand(strcmp(rest(&first), rest(&second)) == 0, "it is another one after export and import");
	}
	buf_done(&text);
	buf_done(&first);
	buf_done(&second);
	free(path);
}

static void
make_export(struct store *s, struct buf *out)
{
	struct buf text = {0};
	char *path = xasprintf("%s/sessions/2026/" ID ".jsonl", paths.data);

	buf_add(&text, session, sizeof session - 1);
	put_file(path, &text);
	export_json(s, ID, out);
	buf_done(&text);
	free(path);
}

/* ---- settings */

static void
try_config(void)
{
	char *path = xasprintf("%s/config", dir), *other = xasprintf("%s/other", dir);
	struct buf text = {0};
	struct conf_key key;
	struct conf c;

	buf_add(&text, config, sizeof config - 1);
	damage(&text);
	put_file(path, &text);
	damage(&text);
	put_file(other, &text);
	conf_init(&c);
	conf_load(&c, &paths);
	for (int i = 0; conf_key(i, &key); i++)
		free(conf_value(&c, i));
	for (int i = 0; conf_preset_name(&c, i); i++)
		free(conf_preset_text(&c, i));
	conf_done(&c);
	buf_done(&text);
	free(path);
	free(other);
}

/* ---- */

static void
try(long n, const struct buf *exported)
{
	struct store *s = store_open(&paths, NULL);

	trying = n;
	state = (uint64_t)n * 0x2545f4914f6cdd1du;
	switch (chance(5)) {
	case 0:
		try_config();
		break;
	case 1:
	case 2:
		try_import(s, exported);
		break;
	default:
		try_session(s);
	}
	store_close(s);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void
__sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

int
main(int argc, char **argv)
{
	const long seconds = argc > 1 ? atol(argv[1]) : 10, first = argc > 2 ? atol(argv[2]) : 1;
	const time_t end = time(NULL) + seconds;
	struct buf exported = {0};
	struct store *s;
	long n = first;

	dir = xasprintf("%s/ivchat-fuzz-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	demand(mkdtemp(dir) != NULL, "cannot make a folder; TMPDIR says where");
	paths = (struct paths){ .config = xstrdup(dir), .data = xasprintf("%s/data", dir), .state = xasprintf("%s/state", dir),
		.cache = xasprintf("%s/cache", dir) };
	unsetenv("IVCHAT_CONFIG");
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(say_which);
	signal(SIGABRT, die);
	s = store_open(&paths, NULL);
	make_export(s, &exported);
	store_close(s);
	do
		try(n++, &exported);
	while (time(NULL) < end);
	printf("%ld tries, %ld to %ld, in %ld s: none died\n", n - first, first, n - 1, seconds);
	buf_done(&exported);
	paths_done(&paths);
	rmdir(dir);
	free(dir);
	return 0;
}
