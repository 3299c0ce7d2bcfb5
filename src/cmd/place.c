/* place.c: see place.h. */
#include "config.h"

#include "cmd/place.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* ---- opening */

static int
go_on(struct place *p, const char *which, bool keep, struct error *err)
{
	bool read_only;

	p->chat = shelf_read(&p->shelf, which, &read_only, err);
	if (!p->chat)
		return -1;
	if (keep && read_only)
		return error_set(err, CODE_INPUT,
		    "session %s was written by a newer version: it is read only", p->chat->id);
	if (keep)
		p->writer = session_resume(p->shelf.store, p->chat, err);
	return keep && !p->writer ? -1 : 0;
}

static int
begin(struct place *p, const struct card *card, bool keep, struct error *err)
{
	char digest[65];

	p->chat = chat_new();
	if (!keep)
		return 0;
	if (card_digest(card, digest, err) < 0)
		return -1;
	p->chat->model_name = xstrdup(card_info(card)->name);
	p->chat->model_digest = xstrdup(digest);
	p->writer = session_new(p->shelf.store, p->chat);
	return 0;
}

int
place_open(struct place *p, const struct options *o, const struct card *card, struct error *err)
{
	const char *which = o->go_on ? "last" : o->session;
	bool keep = !o->no_save && !o->reference;

	*p = (struct place){0};
	if ((keep || which) && shelf_open(&p->shelf, o, err) < 0)
		return -1;
	return which ? go_on(p, which, keep, err) : begin(p, card, keep, err);
}

/* ---- saying */

static struct pic
pic_of(const struct picture *picture)
{
	struct pic pic = {.name = picture->name, .type = (char *)picture->type, .width = picture->width,
	    .height = picture->height};

	memcpy(pic.sha, picture->sha, sizeof pic.sha);
	return pic;
}

/* All pictures belong to the first question. Numbers: 0, the chat gives the next ones. */
static void
say_question(struct place *p, const struct said *said, const struct picture *pictures, int n)
{
	struct pic *pics = xcalloc((size_t)n, sizeof *pics);

	for (int i = 0; i < n; i++)
		pics[i] = pic_of(&pictures[i]);
	chat_add_user(p->chat, said->text, said->n, pics, n);
	free(pics);
}

static void
say_answer(struct place *p, const struct said *said)
{
	struct message *m = chat_add_answer(p->chat);

	message_set_text(m, said->text, said->n);
	m->stop = STOP_EOS;
}

int
place_say(struct place *p, const struct talk *talk, const struct options *o)
{
	bool resumed = o->go_on || o->session;
	const char *system = o->system && !(resumed && o->system_is_usual) ? o->system : talk->system;

	p->first_system = p->chat->n_systems;
	p->first_drop = p->chat->n_drops;
	p->first = p->chat->n_messages + 1;
	if (system)
		chat_set_system(p->chat, system);
	if (o->name)
		chat_set_name(p->chat, o->name);
	for (int i = 0; i < talk->n_said; i++) {
		if (talk->said[i].role == ROLE_USER)
			say_question(p, &talk->said[i], talk->pictures, i == 0 ? talk->n_pictures : 0);
		else
			say_answer(p, &talk->said[i]);
	}
	return p->chat->head;
}

/* ---- writing */

/* Keeps the first failure; the store itself keeps the record for a later try. */
static void
note(struct place *p, int failed, const struct error *err)
{
	if (failed && !p->trouble.code)
		p->trouble = *err;
}

static void
put_pictures(struct place *p, const struct talk *talk)
{
	struct error err = {0};

	for (int i = 0; i < talk->n_pictures; i++)
		note(p, store_put_picture(p->shelf.store, &talk->pictures[i], &err), &err);
}

static void
put_message(struct place *p, const struct message *m)
{
	struct error err = {0};

	if (m->role == ROLE_USER)
		note(p, session_put_user(p->writer, m, &err), &err);
	else
		note(p, session_put_answer(p->writer, m, &err), &err);
}

void
place_put_question(struct place *p, const struct talk *talk, const struct options *o)
{
	struct error err = {0};

	if (!p->writer)
		return;
	put_pictures(p, talk);
	for (int i = p->first_system; i < p->chat->n_systems; i++)
		note(p, session_put_system(p->writer, &p->chat->systems[i], &err), &err);
	for (int i = p->first_drop; i < p->chat->n_drops; i++)
		note(p, session_put_drop(p->writer, &p->chat->drops[i], &err), &err);
	for (int id = p->first; id <= p->chat->n_messages; id++)
		put_message(p, chat_message(p->chat, id));
	if (o->name)
		note(p, session_put_name(p->writer, o->name, &err), &err);
	note(p, store_set_last(p->shelf.store, p->chat->id, &err), &err);
}

struct message *
place_answer(struct place *p)
{
	if (!p->answer)
		p->answer = chat_add_answer(p->chat)->id;
	return &p->chat->messages[p->answer - 1];
}

void
place_put_part(struct place *p)
{
	struct error err = {0};

	if (p->writer)
		note(p, session_put_part(p->writer, place_answer(p), &err), &err);
}

void
place_put_answer(struct place *p)
{
	struct error err = {0};

	if (p->writer)
		note(p, session_put_answer(p->writer, place_answer(p), &err), &err);
}

void
place_close(struct place *p)
{
	if (p->writer)
		session_close(p->writer);
	chat_free(p->chat);
	shelf_close(&p->shelf);
	*p = (struct place){0};
}
