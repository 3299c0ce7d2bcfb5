/* whole.c: a conversation that was made in memory, written as if it had been said message by message. Changes stand
 * behind the message that they were made at. */
#include "config.h"

#include "store/store.h"

static int
put_message(struct session *w, const struct message *m, struct error *err)
{
	if (m->role == ROLE_USER)
		return session_put_user(w, m, err);
	/* an answer whose writer was killed has parts and no end */
	return m->stop == STOP_NONE ? session_put_part(w, m, err) : session_put_answer(w, m, err);
}

static int
put_changes(struct session *w, const struct chat *c, int up, struct error *err)
{
	int rc = 0;

	for (int i = 0; i < c->n_systems && rc == 0; i++)
		if (c->systems[i].up == up)
			rc = session_put_system(w, &c->systems[i], err);
	for (int i = 0; i < c->n_drops && rc == 0; i++)
		if (c->drops[i].up == up)
			rc = session_put_drop(w, &c->drops[i], err);
	for (int i = 0; i < c->n_notes && rc == 0; i++)
		if (c->notes[i].up == up)
			rc = session_put_note(w, &c->notes[i], err);
	if (rc == 0 && up > 0 && c->messages[up - 1].pinned)
		rc = session_put_pin(w, up, true, err);
	return rc;
}

static int
put_rest(struct session *w, const struct chat *c, struct error *err)
{
	int rc = 0;

	for (int i = 0; i < c->tags.n && rc == 0; i++)
		rc = session_put_tag(w, c->tags.at[i], true, err);
	if (rc == 0 && c->name)
		rc = session_put_name(w, c->name, err);
	if (rc == 0 && c->head != c->n_messages)
		rc = session_put_head(w, c->head, err);
	return rc;
}

int
session_put_chat(struct session *w, const struct chat *c, struct error *err)
{
	int rc = put_changes(w, c, 0, err);

	for (int i = 0; i < c->n_messages && rc == 0; i++) {
		rc = put_message(w, &c->messages[i], err);
		if (rc == 0)
			rc = put_changes(w, c, i + 1, err);
	}
	return rc == 0 ? put_rest(w, c, err) : -1;
}
