/* text.h: UTF-8, graphemes, the one width table, and control characters made visible.
 *
 * Text is pointer and length. Terminals disagree about the width of emoji sequences, so that one rule holds
 * everywhere here: of a grapheme its first code point is drawn, with combining marks of width zero; variation
 * selectors, joiners and what follows a joiner, and skin tones are dropped from what is drawn (never from the
 * text itself). Wrapping, caret and drawing all ask this file.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Decodes one code point of s[0..n), n > 0; returns the bytes taken (>= 1). A bad byte gives U+FFFD and 1. */
size_t
text_decode(const char *s, size_t n, int32_t *cp);

/* Writes cp as UTF-8; returns 1 to 4. */
size_t
text_encode(int32_t cp, char out[4]);

/* How many bytes at the end of s[0..n) are the beginning of a character that is not whole yet: 0 to 3. */
size_t
text_partial(const char *s, size_t n);

bool
text_valid(const char *s, size_t n);

/* Bytes of the first grapheme of s[0..n), n > 0; *cols gets the cells it takes when drawn (0, 1 or 2). */
size_t
text_grapheme(const char *s, size_t n, int *cols);

/* Bytes of the last grapheme before s + pos (0 when pos is 0). */
size_t
text_grapheme_before(const char *s, size_t pos);

/* Cells of a whole string without newlines and control characters. */
int
text_width(const char *s, size_t n);

/* Appends the drawable form of one grapheme: its first code point and combining marks. */
void
text_draw(struct buf *out, const char *s, size_t n);

/* Appends s with everything that could act on a terminal made visible: C0 as ^X, DEL as ^?, C1, bidi controls and
 * invalid bytes as <XX> or U+FFFD. Newline stays, CR LF and CR become newline, tab becomes spaces up to the next
 * multiple of 8 counted from the line's start. The result is valid UTF-8. */
void
text_visible(struct buf *out, const char *s, size_t n);

/* Like text_visible, but one line: newlines and tabs become one space. For names, labels and titles. */
void
text_visible_line(struct buf *out, const char *s, size_t n);

/* The small letter of a capital; other code points are returned as they are. For finding without regard to case. */
int32_t
text_lower(int32_t cp);

/* Whether it is a capital or a small letter that has the other. */
bool
text_is_cased(int32_t cp);

/* Letters, digits, marks and the underscore: what words are made of. */
bool
text_is_word(int32_t cp);

/* Python's str.isspace for one code point, and str.strip: the reference strips its replies so. */
bool
text_is_space(int32_t cp);
void
text_strip(const char **s, size_t *n);

/* The first bytes of s that fit into cols cells, cut between graphemes. */
size_t
text_fit(const char *s, size_t n, int cols);

/* s[0..n) as text or attribute of HTML, appended: &, <, > and " by their names. */
void
text_html(struct buf *out, const char *s, size_t n);

#endif
