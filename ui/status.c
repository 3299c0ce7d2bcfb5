/* status.c: see status.h. */
#include "config.h"

#include "ui/status.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { WARM_PERCENT = 75, HOT_PERCENT = 90, FIELDS_MAX = 12 };

struct field {
	const char *text;
	enum theme_role role;
};

static void
push(struct field *fields, int *n, const char *text, enum theme_role role)
{
	if (text && text[0])
		fields[(*n)++] = (struct field){ text, role };
}

static enum theme_role
context_role(int percent)
{
	return percent >= HOT_PERCENT ? ROLE_STATUS_HOT : percent >= WARM_PERCENT ? ROLE_STATUS_WARM : ROLE_STATUS;
}

/* Left to right by importance. */
static int
collect(const struct status_view *view, const char *below, struct field *fields)
{
	const struct ui_status *s = view->status;
	int n = 0;

	push(fields, &n, view->reading, ROLE_STATUS_MODE);
	push(fields, &n, view->found, ROLE_STATUS_BELOW);
	push(fields, &n, s->private_session ? "PRIVATE" : NULL, ROLE_STATUS_PRIVATE);
	push(fields, &n, s->name, ROLE_STATUS_NAME);
	push(fields, &n, view->mode, ROLE_STATUS);
	push(fields, &n, below, ROLE_STATUS_BELOW);
	push(fields, &n, s->state, ROLE_STATUS_STATE);
	push(fields, &n, view->hint, ROLE_STATUS);
	push(fields, &n, s->context, context_role(s->context_percent));
	push(fields, &n, s->speed, ROLE_STATUS);
	push(fields, &n, s->model, ROLE_STATUS);
	return n;
}

void
status_layout(const struct status_view *view, int width, struct row *out)
{
	const char *separator = view->ascii ? " | " : " · ";
	struct field fields[FIELDS_MAX];
	char below[32] = "";
	int n;

	if (view->below > 0)
		snprintf(below, sizeof below, "+%d line%s", view->below, view->below == 1 ? "" : "s");
	n = collect(view, below, fields);
	row_clear(out);
	row_fit(out, ROLE_STATUS, " ", 1, width);
	for (int i = 0; i < n; i++) {
		int room = width - out->cols - (i ? 3 : 0) - 1;

		if (i > 0 && text_width(fields[i].text, strlen(fields[i].text)) > room)
			break;
		if (i > 0)
			row_str(out, ROLE_STATUS, separator);
		row_fit(out, fields[i].role, fields[i].text, strlen(fields[i].text), room < 0 ? 0 : room);
	}
	row_pad(out, ROLE_STATUS, width);
}
