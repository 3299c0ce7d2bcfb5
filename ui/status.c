/* status.c: see status.h. */
#include "config.h"

#include "ui/status.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { WARM_PERCENT = 75, HOT_PERCENT = 90, FIELDS_MAX = 12, NAME_LEAST = 12 };

struct field {
	const char *text;
	enum theme_role role;
	int cols;
};

static void
push(struct field *fields, int *n, const char *text, enum theme_role role)
{
	if (text && text[0])
		fields[(*n)++] = (struct field){ text, role, text_width(text, strlen(text)) };
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

	push(fields, &n, view->reading ? view->reading : s->mode, ROLE_STATUS_MODE);
	push(fields, &n, view->found, ROLE_STATUS_BELOW);
	push(fields, &n, view->hint, ROLE_STATUS);
	push(fields, &n, s->private_session ? "PRIVATE" : NULL, ROLE_STATUS_PRIVATE);
	push(fields, &n, s->name, ROLE_STATUS_NAME);
	push(fields, &n, view->mode, ROLE_STATUS);
	push(fields, &n, below, ROLE_STATUS_BELOW);
	push(fields, &n, s->state, ROLE_STATUS_STATE);
	push(fields, &n, s->context, context_role(s->context_percent));
	push(fields, &n, s->speed, ROLE_STATUS);
	push(fields, &n, s->model, ROLE_STATUS);
	push(fields, &n, s->hint, ROLE_STATUS);
	return n;
}

/* Columns in front of field i. The mode is a block of its own colour and needs no more. */
static int
gap(const struct field *fields, int i)
{
	return i == 0 ? 1 : fields[i - 1].role == ROLE_STATUS_MODE ? 1 : 3;
}

static int
sum(const struct field *fields, int n)
{
	int all = 1;            /* the last column stays free */

	for (int i = 0; i < n; i++)
		all += gap(fields, i) + fields[i].cols;
	return all;
}

/* The name may be a whole sentence: it makes room for the others, as far as it stays one that can be recognised. What
 * does not fit beside the rest of it is left out from the end. Returns how many fields there are then. */
static int
fit_fields(struct field *fields, int n, int width)
{
	struct field *name = NULL;
	int whole = 0, left;

	for (int i = 0; i < n; i++)
		if (fields[i].role == ROLE_STATUS_NAME)
			name = &fields[i];
	if (name) {
		whole = name->cols;
		name->cols = whole < NAME_LEAST ? whole : NAME_LEAST;
	}
	while (n > 1 && sum(fields, n) > width)
		n--;
	left = width - sum(fields, n);
	if (name && name - fields < n && left > 0)
		name->cols = name->cols + left < whole ? name->cols + left : whole;
	return n;
}

/* The field in its columns; what was shortened says so. */
static void
add_field(struct row *out, const struct field *field, int room, bool ascii)
{
	const int cols = field->cols < room ? field->cols : room;
	const char *more = ascii ? "..." : "…";

	if (field->role != ROLE_STATUS_NAME || text_width(field->text, strlen(field->text)) <= cols) {
		row_fit(out, field->role, field->text, strlen(field->text), cols);
		return;
	}
	row_fit(out, field->role, field->text, strlen(field->text), cols - text_width(more, strlen(more)));
	row_fit(out, field->role, more, strlen(more), cols < 3 ? cols : 3);
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
	n = fit_fields(fields, n, width);
	row_clear(out);
	row_fit(out, ROLE_STATUS, " ", 1, width);
	for (int i = 0; i < n; i++) {
		const int before = i ? gap(fields, i) : 0;
		int room = width - out->cols - before - 1;

		if (i > 0)
			row_str(out, ROLE_STATUS, before == 1 ? " " : separator);
		add_field(out, &fields[i], room < 0 ? 0 : room, view->ascii);
	}
	row_pad(out, ROLE_STATUS, width);
}
