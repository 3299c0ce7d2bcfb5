/* jpegcut.h: a JPEG's one scan, cut at rows of MCUs into scans of their own, so that several threads can decode it. Private
 * to picture/.
 *
 * A scan is one long string of Huffman codes: where a row begins is known to whoever has read all before it. So the codes
 * are read twice: once for where they end alone, which is quick, by several threads that begin in the middle and fall into
 * step; then by libjpeg, piece by piece, to make pixels. A piece is the bits of its rows as they are, but for the first MCU:
 * its DC values are differences to what stood before, and become differences to nothing.
 *
 * Order of calls: cut_init; cut_open; cut_read_part for all parts, at the same time if you like; cut_join; then cut_put_rows, also at
 * the same time. Whatever is unusual makes cut_init or cut_join say no, and the file is decoded as a whole. */
#ifndef PICTURE_JPEGCUT_H
#define PICTURE_JPEGCUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jpeglib.h>

#include "base/buf.h"

#define CUT_MOST_PARTS 16
#define CUT_MOST_BLOCKS 10      /* of an MCU, says the standard */
#define CUT_LOOK_BITS 11
#define CUT_N_SIZES 13          /* of DC values that are written: a value of 11 bits and a difference of 11 */

/* What a code and the bits that belong to it come to, by the next bits: length | what << 8; 0: see the long codes. */
struct cut_table {
	uint16_t look[1 << CUT_LOOK_BITS];
	uint16_t look_all[1 << CUT_LOOK_BITS];          /* AC: of all codes that the bits hold whole */
	uint32_t limit[18];             /* by length: one more than its last code, at 16 bits */
	int offset[17];                 /* by length: from a code to its place in symbols */
	uint8_t symbols[256];
};

/* Where an MCU begins. */
struct cut_start {
	uint32_t bit;                   /* of the scan, stuffing not counted */
	int32_t dc[3];                  /* the values that its differences are to */
};

/* MCUs one after another: those that begin from `from` on and before `end`. */
struct cut_part {
	uint32_t from, end;
	struct cut_start *starts, after;        /* dc of starts: to what it was where reading began */
	int32_t begin_dc[3];            /* that, when it is known */
	size_t n, room;
};

struct cut {
	int n_components, n_blocks;     /* of an MCU */
	int component[CUT_MOST_BLOCKS]; /* of each block */
	struct cut_table dc[3], ac[3];  /* of each component */
	JHUFF_TBL dc_whole[3];          /* DC tables with a code for every size of number */
	int dc_table[3];                /* their numbers in the file */
	uint16_t dc_code[3][CUT_N_SIZES];
	uint8_t dc_bits[3][CUT_N_SIZES];
	const uint8_t *at;              /* the scan as it is in the file, to the end of that; lent */
	size_t n;
	uint8_t *bytes;                 /* without its stuffing, and room to read on behind it */
	uint32_t n_bits;
	bool opened;
	int n_parts;
	struct cut_part parts[CUT_MOST_PARTS];
	int row_mcus, n_rows;           /* of the picture */
	struct cut_start *rows;         /* n_rows, and the end */
};

/* Behind jpeg_read_header; at: the first byte of the scan, lent until cut_done. False: not to be cut; cut_done is due all
 * the same. */
bool
cut_init(struct cut *c, const struct jpeg_decompress_struct *header, const uint8_t *at, size_t n, int n_parts);
void
cut_open(struct cut *c);
void
cut_read_part(struct cut *c, int part);
bool
cut_join(struct cut *c);
/* The scan of rows [begin, end) and its end marker, appended; it goes with the file's header and cut_set_tables. */
void
cut_put_rows(const struct cut *c, int begin, int end, struct buf *out);
void
cut_set_tables(const struct cut *c, struct jpeg_decompress_struct *jpeg);
void
cut_done(struct cut *c);

#endif
