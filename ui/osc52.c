/* osc52.c: see osc52.h.
 *
 * tmux hands on what stands in its DCS when `allow-passthrough` is set, and takes the plain sequence itself when
 * `set-clipboard` is; both are sent, as the same text twice is the text. screen hands on DCS strings of a limited length:
 * the sequence goes in pieces, which it joins. */
#include "config.h"

#include "ui/osc52.h"

#include "base/base64.h"
#include "base/text.h"

enum { SCREEN_PIECE = 240 };

#define ESC '\033'

static void
write_plain(struct buf *out, const char *s, size_t n)
{
	buf_str(out, "\033]52;c;");
	base64_encode(out, s, n);
	buf_char(out, '\a');
}

/* Every ESC inside is doubled. */
static void
wrap_tmux(struct buf *out, const struct buf *sequence)
{
	buf_str(out, "\033Ptmux;");
	for (size_t i = 0; i < sequence->n; i++) {
		if (sequence->at[i] == ESC)
			buf_char(out, ESC);
		buf_char(out, sequence->at[i]);
	}
	buf_str(out, "\033\\");
}

static void
wrap_screen(struct buf *out, const struct buf *sequence)
{
	for (size_t i = 0; i < sequence->n; i += SCREEN_PIECE) {
		const size_t left = sequence->n - i;

		buf_str(out, "\033P");
		buf_add(out, sequence->at + i, left < SCREEN_PIECE ? left : SCREEN_PIECE);
		buf_str(out, "\033\\");
	}
}

/* The first bytes of s, at most max, without half a character. */
static size_t
cut(const char *s, size_t n, size_t max)
{
	return n <= max ? n : max - text_partial(s, max);
}

size_t
osc52_write(struct buf *out, enum osc52_way way, const char *s, size_t n, size_t max)
{
	const size_t taken = cut(s, n, max);
	struct buf sequence = {0};

	write_plain(&sequence, s, taken);
	if (way != OSC52_SCREEN)
		buf_add(out, sequence.at, sequence.n);
	if (way == OSC52_TMUX)
		wrap_tmux(out, &sequence);
	else if (way == OSC52_SCREEN)
		wrap_screen(out, &sequence);
	buf_done(&sequence);
	return taken;
}
