/* text.c: a conversation to read: labels, texts as they are, pictures as lines. */
#include "config.h"

#include "export/export.h"

#include <stdlib.h>

#include "export/internal.h"

static void
put_notes(struct buf *out, const struct chat *c, int id)
{
	const struct note *note;
	int from = 0;

	while ((note = chat_next_note(c, id, &from))) {
		buf_str(out, "Note:\n");
		buf_add(out, note->text, note->text_n);
		buf_str(out, "\n\n");
	}
}

void
export_text_message(struct buf *out, const struct message *m)
{
	struct buf mark = {0};

	buf_printf(out, "%s:\n", export_role(m));
	for (int i = 0; i < m->n_pics; i++) {
		buf_char(out, '[');
		export_label(out, &m->pics[i]);
		buf_printf(out, " sha %.6s]\n", m->pics[i].sha);
	}
	buf_add(out, m->text, m->text_n);
	message_mark(m, false, &mark);
	if (mark.n > 0)
		buf_printf(out, "%s%s", m->text_n > 0 ? " " : "", buf_text(&mark));
	buf_str(out, "\n\n");
	buf_done(&mark);
}

static int
write_text(struct export *e, struct buf *out, struct error *err)
{
	int *ids, n = export_messages(e, &ids), above = 0;
	char *title = chat_title(e->chat);

	(void)err;
	buf_printf(out, "%s  %s\n", e->chat->id, title);
	export_summary(out, e->chat);
	buf_str(out, "\n\n");
	put_notes(out, e->chat, 0);
	for (int i = 0; i < n; i++) {
		const struct message *m = chat_message(e->chat, ids[i]);

		if (e->all_branches)
			buf_printf(out, m->up == above ? "(%d) " : "(%d, below %d) ", m->id, m->up);
		export_text_message(out, m);
		put_notes(out, e->chat, m->id);
		above = m->id;
	}
	buf_cut(out, out->n - (n > 0));
	free(title);
	free(ids);
	return 0;
}

const struct export_format export_text = { "txt", "text", write_text };
