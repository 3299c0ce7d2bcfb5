/* marks.c: the words for how an answer ended, wherever one is shown: on the screen, printed, exported. */
#include "config.h"

#include "chat/chat.h"

static void
add(struct buf *out, const char *word)
{
	buf_printf(out, "%s%s", out->n ? " " : "", word);
}

/* An answer that was only cut off by a kill is STOP_NONE and has text; so is one that another process writes just now. */
void
message_mark(const struct message *m, bool live, struct buf *out)
{
	if (m->role != ROLE_ANSWER)
		return;
	if (m->edited)
		add(out, "[edited]");
	if (m->edited && !m->cont)
		return;         /* all of it was typed, nothing stopped it */
	switch (m->stop) {
	case STOP_NONE:
		add(out, live ? "[still answering]" : "[interrupted]");
		break;
	case STOP_HANGUP:
		add(out, "[interrupted]");
		break;
	case STOP_USER:
		add(out, "[stopped]");
		break;
	case STOP_LENGTH:
		buf_printf(out, "%s[cut at %d]", out->n ? " " : "", m->n_given + m->max_tokens);
		break;
	case STOP_CONTEXT:
		add(out, "[context full]");
		break;
	case STOP_ERROR:
		add(out, "[failed]");
		break;
	case STOP_EOS:
		break;
	}
}
