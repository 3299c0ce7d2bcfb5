/* keep.c: what is said goes to the store, in the one order in which nothing can be lost: pictures, name and system
 * messages, the question, parts while the answer streams, the answer. The only file here that writes sessions. A store
 * that cannot write is one red line, never a reason to stop: the records wait in memory and every send tries again. */
#include "config.h"

#include "keep.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "internal.h"

#define PART_EVERY_MS 1000

/* Says it once until it works again; `aloud`: say it anyway. */
static void
report(struct app *app, int rc, struct error *err, bool aloud)
{
	if (rc == 0) {
		app->keep.failed = false;
		return;
	}
	if (aloud || !app->keep.failed) {
		if (!err->hint[0])
			error_hint(err, "the text is kept in memory; the next message tries again");
		present_error(app, err);
	}
	app->keep.failed = true;
}

/* ---- pictures */

static void
wait_picture(struct keep *k, struct picture *p)
{
	k->waiting = xreallocarray(k->waiting, (size_t)k->n_waiting + 1, sizeof *k->waiting);
	k->waiting[k->n_waiting++] = *p;
	*p = (struct picture){0};
}

/* Writes those that wait, oldest first, until one fails. */
static int
put_pictures(struct app *app, struct error *err)
{
	struct keep *k = &app->keep;
	int done = 0, rc = 0;

	while (done < k->n_waiting && (rc = store_put_picture(app->store, &k->waiting[done], err)) == 0)
		picture_done(&k->waiting[done++]);
	if (done > 0)
		memmove(k->waiting, k->waiting + done, (size_t)(k->n_waiting - done) * sizeof k->waiting[0]);
	k->n_waiting -= done;
	return rc;
}

/* ---- records */

static void
describe_model(struct app *app)
{
	char digest[65];

	if (app->chat->model_name || !app->card)
		return;
	app->chat->model_name = xstrdup(card_info(app->card)->name);
	if (card_digest(app->card, digest, NULL) == 0)
		app->chat->model_digest = xstrdup(digest);
}

static int
put_notes(struct app *app, struct error *err)
{
	struct keep *k = &app->keep;
	int rc = 0;

	while (k->n_notes < app->chat->n_notes && rc == 0)
		rc = session_put_note(k->session, &app->chat->notes[k->n_notes++], err);
	return rc;
}

static int
put_settings(struct app *app, struct error *err)
{
	struct keep *k = &app->keep;
	int rc = 0;

	if (!k->named && app->chat->name) {
		k->named = true;
		rc = session_put_name(k->session, app->chat->name, err);
	}
	while (k->n_systems < app->chat->n_systems && rc == 0)
		rc = session_put_system(k->session, &app->chat->systems[k->n_systems++], err);
	return rc == 0 ? put_notes(app, err) : rc;
}

void
keep_settings(struct app *app)
{
	struct error err;

	if (app->keep.session && app->chat->id[0])
		report(app, put_settings(app, &err), &err, false);
}

void
keep_user(struct app *app, const struct message *m, struct staged *pictures)
{
	struct keep *k = &app->keep;
	struct error err;
	int rc;

	if (!k->session)
		return;
	describe_model(app);
	for (int i = 0; i < pictures->n; i++)
		if (pictures->at[i].file.bytes.n > 0)
			wait_picture(k, &pictures->at[i].file);
	rc = put_pictures(app, &err);
	if (rc == 0)
		rc = put_settings(app, &err);
	if (session_put_user(k->session, m, rc == 0 ? &err : NULL) != 0)
		rc = -1;
	report(app, rc, &err, true);
	if (rc == 0)
		keep_last(app);
}

/* The store writes at most once a second; what it held back then is due when that second is over. */
void
keep_part(struct app *app, const struct message *m)
{
	struct error err;

	if (!app->keep.session)
		return;
	report(app, session_put_part(app->keep.session, m, &err), &err, false);
	app->keep.part_at = clock_ms() + PART_EVERY_MS;
}

void
keep_tick(struct app *app)
{
	if (keep_timeout(app) != 0)
		return;
	if (app->talk.running)
		keep_part(app, chat_message(app->chat, app->talk.answer));
	app->keep.part_at = 0;
}

void
keep_answer(struct app *app, const struct message *m)
{
	struct error err;

	app->keep.part_at = 0;
	if (!app->keep.session)
		return;
	report(app, session_put_answer(app->keep.session, m, &err), &err, false);
	keep_settings(app);
}

void
keep_head(struct app *app)
{
	struct error err;

	if (app->keep.session)
		report(app, session_put_head(app->keep.session, app->chat->head, &err), &err, false);
}

void
keep_drop(struct app *app, const struct drop *drop)
{
	struct error err;

	if (app->keep.session)
		report(app, session_put_drop(app->keep.session, drop, &err), &err, false);
}

void
keep_pin(struct app *app, const struct message *m)
{
	struct error err;

	if (app->keep.session)
		report(app, session_put_pin(app->keep.session, m->id, m->pinned, &err), &err, false);
}

void
keep_notes(struct app *app)
{
	struct error err;

	if (app->keep.session && app->chat->id[0])
		report(app, put_notes(app, &err), &err, false);
}

void
keep_tag(struct app *app, const char *tag, bool on)
{
	struct error err;

	if (app->keep.session)
		report(app, session_put_tag(app->keep.session, tag, on, &err), &err, false);
}

static int
put_message(struct session *session, const struct message *m, struct error *err)
{
	return m->role == ROLE_USER ? session_put_user(session, m, err) : session_put_answer(session, m, err);
}

void
keep_all(struct app *app)
{
	struct keep *k = &app->keep;
	struct error err;
	int rc;

	if (!k->session)
		return;
	rc = put_settings(app, &err);
	for (int i = 0; i < app->chat->n_messages; i++)
		rc |= put_message(k->session, &app->chat->messages[i], rc == 0 ? &err : NULL);
	report(app, rc, &err, true);
	for (int i = 0; i < app->chat->n_messages; i++)
		if (app->chat->messages[i].pinned)
			keep_pin(app, &app->chat->messages[i]);
	for (int i = 0; i < app->chat->n_drops; i++)
		keep_drop(app, &app->chat->drops[i]);
	keep_last(app);
}

int
keep_timeout(const struct app *app)
{
	int64_t left = app->keep.part_at - clock_ms();

	if (!app->keep.part_at)
		return -1;
	return left > 0 ? (int)left : 0;
}

int
keep_n_waiting(const struct app *app)
{
	return app->keep.session ? session_n_waiting(app->keep.session) + app->keep.n_waiting : 0;
}

int
keep_flush(struct app *app, struct error *err)
{
	if (keep_n_waiting(app) == 0 || (put_pictures(app, err) == 0 && session_retry(app->keep.session, err) == 0))
		return 0;
	return error_hint(err, "make room on the disk: %d records wait in memory", keep_n_waiting(app));
}

/* A session in another folder is not found without saying where. */
void
keep_last(struct app *app)
{
	if (!app->folder)
		store_set_last(app->store, app->chat->id, NULL);
}

/* ---- to another place */

static const struct picture *
find_waiting(const struct keep *k, const char *sha)
{
	for (int i = 0; i < k->n_waiting; i++)
		if (strcmp(k->waiting[i].sha, sha) == 0)
			return &k->waiting[i];
	return NULL;
}

/* A picture that was lost before is no reason to lose the rest. */
static int
copy_pictures(struct app *app, struct store *to, const struct message *m, struct error *err)
{
	int rc = 0;

	for (int i = 0; i < m->n_pics && rc == 0; i++) {
		const struct picture *waiting = find_waiting(&app->keep, m->pics[i].sha);

		rc = waiting ? store_put_picture(to, waiting, err) : store_copy_picture(app->store, to, &m->pics[i], err);
		if (rc != 0 && err->code == CODE_INPUT)
			rc = 0;
	}
	return rc;
}

/* A copy, so that a failure leaves the conversation with the id it has. */
static struct session *
write_copy(struct app *app, struct store *to, struct chat *copy, struct error *err)
{
	struct session *session = session_new(to, copy);
	int rc = 0;

	for (int i = 0; i < app->chat->n_messages && rc == 0; i++)
		rc = copy_pictures(app, to, &app->chat->messages[i], err);
	if (rc == 0)
		rc = session_put_chat(session, app->chat, err);
	if (rc == 0)
		return session;
	session_abandon(session);
	return NULL;
}

/* The session that was written is closed and opened anew for the conversation that is on the screen. */
static int
go_on_in(struct app *app, struct store *to, const char *id, const char *folder, struct error *err)
{
	struct keep *k = &app->keep;
	struct session *session;
	char old[32];

	memcpy(old, app->chat->id, sizeof old);
	memcpy(app->chat->id, id, sizeof app->chat->id);
	session = session_resume(to, app->chat, err);
	if (!session) {
		memcpy(app->chat->id, old, sizeof old);
		return -1;
	}
	session_abandon(k->session);
	k->session = NULL;
	keep_close(app);
	store_close(app->store);
	app->store = to;
	*k = (struct keep){ .session = session, .n_systems = app->chat->n_systems,
		.n_notes = app->chat->n_notes, .named = app->chat->name != NULL };
	free(app->folder);
	app->folder = xstrdup(folder);
	return 0;
}

int
keep_move(struct app *app, const char *folder, struct error *err)
{
	char *data = file_expand_home(folder);
	struct paths paths = *app->options->paths;
	struct chat *copy = chat_new();
	struct session *session = NULL;
	struct store *to;
	int rc = -1;

	paths.data = data;
	to = store_open(&paths, err);
	if (to) {
		copy->model_name = app->chat->model_name ? xstrdup(app->chat->model_name) : NULL;
		copy->model_digest = app->chat->model_digest ? xstrdup(app->chat->model_digest) : NULL;
		copy->origin = app->chat->id[0] ? xstrdup(app->chat->id) : NULL;
		session = write_copy(app, to, copy, err);
	}
	if (session) {
		session_close(session);
		rc = go_on_in(app, to, copy->id, data, err);
	}
	if (rc != 0)
		store_close(to);
	chat_free(copy);
	free(data);
	return rc;
}

void
keep_close(struct app *app)
{
	struct keep *k = &app->keep;

	session_close(k->session);
	for (int i = 0; i < k->n_waiting; i++)
		picture_done(&k->waiting[i]);
	free(k->waiting);
	*k = (struct keep){0};
}
