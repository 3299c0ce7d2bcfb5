/* jpegcut.c: see jpegcut.h. Huffman codes as the standard makes them from counts by length (ITU-T T.81, annexes C and F).
 *
 * A thread that begins in the middle takes the first bits for the beginning of an MCU, which is wrong; but most codes are
 * short, so it soon meets a true boundary by chance, and from there on reads what everybody reads. It begins WARM_BITS ahead
 * of its part. Whether it was in step is not guessed: its first MCU must begin where the part before has ended. If not,
 * cut_join reads that part again. */
#include "config.h"

#ifdef HAVE_JPEG

#include "picture/jpegcut.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define PAD 512                 /* bytes: more than a block's codes, which are read to their end whatever they say */
#define WARM_BITS (8u * 2048)
#define ENDS_BLOCK 128          /* where a run stands: no more values */
#define N_SIZES 12              /* of DC differences that are read: 0 to 11 bits */

/* ---- codes */

static int
n_codes(const JHUFF_TBL *t)
{
	int n = 0;

	for (int length = 1; length <= 16; length++)
		n += t->bits[length];
	return n;
}

/* 16-bit codes that the table's codes take up; the one of ones alone must stay free. */
static uint32_t
taken(const JHUFF_TBL *t)
{
	uint32_t n = 0;

	for (int length = 1; length <= 16; length++)
		n += (uint32_t)t->bits[length] << (16 - length);
	return n;
}

static bool
is_sound(const JHUFF_TBL *t)
{
	return t && n_codes(t) <= 256 && taken(t) <= 0xffff;
}

/* AC: how many places a symbol goes on, with the value that ends its run. */
static int
places(int symbol)
{
	if (symbol % 16 > 0)
		return symbol / 16 + 1;
	return symbol == 0xf0 ? 16 : ENDS_BLOCK;
}

static uint16_t
entry_of(int length, int symbol, bool is_dc)
{
	if (is_dc)
		return symbol < N_SIZES ? (uint16_t)(length | symbol << 8) : 0;
	return (uint16_t)((length + symbol % 16) | places(symbol) << 8);
}

static void
make_table(struct cut_table *to, const JHUFF_TBL *from, bool is_dc)
{
	uint32_t code = 0;
	int at = 0;

	memset(to, 0, sizeof *to);
	memcpy(to->symbols, from->huffval, sizeof to->symbols);
	for (int length = 1; length <= 16; length++, code <<= 1) {
		to->offset[length] = at - (int)code;
		for (int i = 0; i < from->bits[length]; i++, at++, code++) {
			uint16_t entry = entry_of(length, from->huffval[at], is_dc);
			int spare = CUT_LOOK_BITS - length;

			for (uint32_t k = 0; spare >= 0 && k < 1u << spare; k++)
				to->look[(code << spare) + k] = entry;
		}
		to->limit[length] = code << (16 - length);
	}
}

/* Codes follow each other: what several come to is looked up at once. None comes after one that ends the block. */
static void
join_codes(struct cut_table *t)
{
	for (unsigned bits = 0; bits < 1u << CUT_LOOK_BITS; bits++) {
		unsigned length = t->look[bits] & 255, all = t->look[bits], next;

		while (length > 0 && length < CUT_LOOK_BITS && all >> 8 < ENDS_BLOCK / 2 &&
		    (next = t->look[bits << length & ((1 << CUT_LOOK_BITS) - 1)]) != 0 &&
		    length + (next & 255) <= CUT_LOOK_BITS) {
			all += next;
			length += next & 255;
		}
		t->look_all[bits] = (uint16_t)all;
	}
}

/* A DC table that lacks a size gets codes of 16 bits behind all others: any number can be written with it. */
static bool
make_whole(struct cut *c, int component, const JHUFF_TBL *from)
{
	JHUFF_TBL *to = &c->dc_whole[component];
	int n = n_codes(from);
	uint32_t code = 0;
	int at = 0;

	*to = *from;
	for (int size = 0; size < CUT_N_SIZES; size++)
		if (!memchr(from->huffval, size, (size_t)n)) {
			if (n == 256 || to->bits[16] == 255)
				return false;
			to->bits[16]++;
			to->huffval[n++] = (UINT8)size;
		}
	for (int length = 1; length <= 16; length++, code <<= 1)
		for (int i = 0; i < to->bits[length]; i++, at++, code++)
			if (to->huffval[at] < CUT_N_SIZES) {
				c->dc_code[component][to->huffval[at]] = (uint16_t)code;
				c->dc_bits[component][to->huffval[at]] = (uint8_t)length;
			}
	return is_sound(to);
}

/* ---- reading */

struct bits {
	const uint8_t *at;              /* what has not been taken in */
	uint64_t window;                /* the next bits, first on top; */
	int n;                          /* so many are sure */
};

static uint64_t
eight_bytes(const uint8_t *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof v);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	return v;
}

/* From here on at least 56 bits. */
static void
fill(struct bits *b)
{
	b->window |= eight_bytes(b->at) >> b->n;
	b->at += (63 - b->n) >> 3;
	b->n |= 56;
}

static void
skip(struct bits *b, int n)
{
	b->window <<= n;
	b->n -= n;
}

static struct bits
bits_from(const struct cut *c, uint32_t bit)
{
	struct bits b = { .at = c->bytes + bit / 8 };

	fill(&b);
	skip(&b, (int)(bit % 8));
	return b;
}

static uint32_t
place_of(const struct cut *c, const struct bits *b)
{
	return (uint32_t)(8 * (b->at - c->bytes) - b->n);
}

/* A code that the table of short ones does not hold; 0: there is none. */
static uint16_t
look_long(const struct cut_table *t, uint64_t window, bool is_dc)
{
	uint32_t next = (uint32_t)(window >> 48);

	for (int length = CUT_LOOK_BITS + 1; length <= 16; length++)
		if (next < t->limit[length])
			return entry_of(length, t->symbols[t->offset[length] + (int)(next >> (16 - length))], is_dc);
	return 0;
}

static uint16_t
look(const struct cut_table *t, uint64_t window, bool is_dc)
{
	uint16_t entry = t->look[window >> (64 - CUT_LOOK_BITS)];

	return entry ? entry : look_long(t, window, is_dc);
}

/* A DC difference: its code, then its bits; those of a negative one begin with 0. */
static bool
read_dc(struct bits *b, const struct cut_table *t, int32_t *difference)
{
	uint16_t entry;
	int size, value;

	if (b->n < 32)
		fill(b);
	entry = look(t, b->window, true);
	if (!entry)
		return false;
	skip(b, entry & 255);
	size = entry >> 8;
	value = size ? (int)(b->window >> (64 - size)) : 0;
	*difference = size && value < 1 << (size - 1) ? value - (1 << size) + 1 : value;
	skip(b, size);
	return true;
}

static bool
read_ac(struct bits *b, const struct cut_table *t)
{
	int at = 1;

	while (at < 64) {
		unsigned entry, then;

		if (b->n < 32)
			fill(b);
		entry = t->look_all[b->window >> (64 - CUT_LOOK_BITS)];
		then = (unsigned)at + (entry >> 8);
		if (then > 64 && (then < ENDS_BLOCK || then >= ENDS_BLOCK + 64))
			entry = 0;              /* the block ends between the codes */
		if (!entry)
			entry = look(t, b->window, false);
		if (!entry)
			return false;
		skip(b, entry & 255);
		at += (int)(entry >> 8);
	}
	return at == 64 || at > ENDS_BLOCK;
}

static bool
read_mcu(const struct cut *c, struct bits *b, int32_t dc[3])
{
	for (int i = 0; i < c->n_blocks; i++) {
		int k = c->component[i];
		int32_t difference;

		if (!read_dc(b, &c->dc[k], &difference) || !read_ac(b, &c->ac[k]) || place_of(c, b) > c->n_bits)
			return false;
		dc[k] = (int32_t)((uint32_t)dc[k] + (uint32_t)difference);
	}
	return true;
}

/* ---- parts */

static void
add_start(struct cut_part *p, const struct cut_start *start)
{
	if (p->n == p->room) {
		p->room = p->room ? 2 * p->room : 1024;
		p->starts = xreallocarray(p->starts, p->room, sizeof *p->starts);
	}
	p->starts[p->n++] = *start;
}

/* Reads MCU after MCU to the part's end. Nonsense means that what was read before it was none either: it is forgotten; at
 * the end of the scan it is the bits that fill the last byte. */
static void
read_part(struct cut *c, struct cut_part *p, struct cut_start at)
{
	struct bits b = bits_from(c, at.bit);

	p->n = 0;
	while (at.bit < p->end) {
		struct cut_start start = at;

		if (read_mcu(c, &b, at.dc)) {
			if (start.bit >= p->from)
				add_start(p, &start);
		} else if (place_of(c, &b) >= c->n_bits || (p->end == c->n_bits && c->n_bits - start.bit < 8)) {
			at = start;
			break;
		} else {
			p->n = 0;
			skip(&b, 1);
		}
		at.bit = place_of(c, &b);
	}
	p->after = at;
}

void
cut_read_part(struct cut *c, int part)
{
	struct cut_part *p = &c->parts[part];

	if (!c->opened)
		return;
	read_part(c, p, (struct cut_start){ .bit = p->from > WARM_BITS ? p->from - WARM_BITS : 0 });
}

/* ---- joining */

static struct cut_start
moved(struct cut_start s, const int32_t by[3])
{
	for (int i = 0; i < 3; i++)
		s.dc[i] = (int32_t)((uint32_t)s.dc[i] + (uint32_t)by[i]);
	return s;
}

static bool
is_in_step(const struct cut_part *p, const struct cut_start *begin)
{
	return p->n > 0 && p->starts[0].bit == begin->bit;
}

/* The part's true beginning is known; in step, so is what its numbers are to. False: it is damaged. */
static bool
straighten(struct cut *c, struct cut_part *p, const struct cut_start *begin)
{
	if (begin->bit >= p->end) {             /* one MCU is longer than the whole part */
		p->n = 0;
		p->after = *begin;
		return true;
	}
	if (!is_in_step(p, begin)) {
		p->from = begin->bit;
		read_part(c, p, *begin);
		return is_in_step(p, begin);
	}
	for (int i = 0; i < 3; i++)
		p->begin_dc[i] = (int32_t)((uint32_t)begin->dc[i] - (uint32_t)p->starts[0].dc[i]);
	p->after = moved(p->after, p->begin_dc);
	return true;
}

/* DC values are 11 bits and a sign at most, or this is no picture. */
static bool
in_range(const struct cut_start *s)
{
	for (int i = 0; i < 3; i++)
		if (s->dc[i] < -2047 || s->dc[i] > 2047)
			return false;
	return true;
}

static bool
find_rows(struct cut *c)
{
	size_t row = 0, before = 0, step = (size_t)c->row_mcus, n_mcus = step * (size_t)c->n_rows;

	for (int i = 0; i < c->n_parts; i++) {
		const struct cut_part *p = &c->parts[i];

		for (; row * step < before + p->n && row <= (size_t)c->n_rows; row++)
			c->rows[row] = moved(p->starts[row * step - before], p->begin_dc);
		before += p->n;
	}
	if (before == n_mcus)
		c->rows[row++] = c->parts[c->n_parts - 1].after;
	for (size_t i = 0; i < row; i++)
		if (!in_range(&c->rows[i]))
			return false;
	return row == (size_t)c->n_rows + 1;
}

bool
cut_join(struct cut *c)
{
	struct cut_start begin = {0};

	if (!c->opened)
		return false;
	for (int i = 0; i < c->n_parts; i++) {
		struct cut_part *p = &c->parts[i];

		if (!straighten(c, p, &begin) || (i < c->n_parts - 1 && p->after.bit < p->end))
			return false;
		begin = p->after;
	}
	return find_rows(c);
}

/* ---- writing */

struct writer {
	uint8_t *at;
	uint64_t bits;                  /* the last n of them are to be written */
	int n;
};

/* Bytes of ones are followed by a zero, so that they are no markers. */
static void
flush_bytes(struct writer *w)
{
	while (w->n >= 8) {
		uint8_t byte = (uint8_t)(w->bits >> (w->n - 8));

		*w->at++ = byte;
		if (byte == 0xff)
			*w->at++ = 0;
		w->n -= 8;
	}
}

static void
put_bits(struct writer *w, uint32_t bits, int n)
{
	w->bits = w->bits << n | bits;
	w->n += n;
	flush_bytes(w);
}

/* Bits [begin, end) of the scan as they are. */
static void
copy_bits(const struct cut *c, struct writer *w, uint32_t begin, uint32_t end)
{
	while (begin < end) {
		int n = end - begin < 32 ? (int)(end - begin) : 32;
		uint64_t next = eight_bytes(c->bytes + begin / 8) << begin % 8 >> (64 - n);

		w->bits = w->bits << n | next;
		w->n += n;
		begin += (uint32_t)n;
		if (n == 32) {
			uint32_t four = (uint32_t)(w->bits >> (w->n - 32)), ones = four & four >> 4 & 0x0f0f0f0f;

			if (((ones + 0x01010101) & 0x10101010) == 0) {          /* no byte of ones, which has 0x0f here */
				for (int k = 0; k < 4; k++)
					w->at[k] = (uint8_t)(four >> (24 - 8 * k));
				w->at += 4;
				w->n -= 32;
			}
		}
		flush_bytes(w);
	}
}

static void
put_dc(const struct cut *c, struct writer *w, int component, int32_t value)
{
	uint32_t amount = value < 0 ? (uint32_t)-value : (uint32_t)value;
	int size = amount ? 32 - __builtin_clz(amount) : 0;
	uint32_t bits = value < 0 ? (uint32_t)(value + (1 << size) - 1) : amount;

	put_bits(w, c->dc_code[component][size], c->dc_bits[component][size]);
	if (size)
		put_bits(w, bits, size);
}

/* The MCU at s, with DC values of its own; returns where it ends. */
static uint32_t
put_first_mcu(const struct cut *c, struct writer *w, const struct cut_start *s)
{
	struct bits b = bits_from(c, s->bit);
	bool seen[3] = {false};

	for (int i = 0; i < c->n_blocks; i++) {
		int k = c->component[i];
		uint32_t begin = place_of(c, &b), middle;
		int32_t difference = 0;

		read_dc(&b, &c->dc[k], &difference);
		middle = place_of(c, &b);
		if (seen[k])
			copy_bits(c, w, begin, middle);
		else
			put_dc(c, w, k, s->dc[k] + difference);
		seen[k] = true;
		read_ac(&b, &c->ac[k]);
		copy_bits(c, w, middle, place_of(c, &b));
	}
	return place_of(c, &b);
}

void
cut_put_rows(const struct cut *c, int begin, int end, struct buf *out)
{
	uint32_t last = c->rows[end].bit;
	size_t room = 2 * ((last - c->rows[begin].bit) / 8 + 64);
	struct writer w = {0};
	uint8_t *from;

	buf_room(out, room);
	w.at = from = (uint8_t *)out->at + out->n;
	copy_bits(c, &w, put_first_mcu(c, &w, &c->rows[begin]), last);
	put_bits(&w, 0x7f, 7);
	memcpy(w.at, "\xff\xd9", 2);
	out->n += (size_t)(w.at + 2 - from);
}

void
cut_set_tables(const struct cut *c, struct jpeg_decompress_struct *jpeg)
{
	for (int i = 0; i < c->n_components; i++)
		*jpeg->dc_huff_tbl_ptrs[c->dc_table[i]] = c->dc_whole[i];
}

/* ---- beginning and end */

static bool
is_plain(const struct jpeg_decompress_struct *h)
{
	return !h->progressive_mode && !h->arith_code && h->restart_interval == 0 && h->data_precision == 8 &&
	    (h->num_components == 1 || h->num_components == 3) && h->comps_in_scan == h->num_components &&
	    h->Ss == 0 && h->Se == 63 && h->Ah == 0 && h->Al == 0;
}

/* Blocks of an MCU in the order of the scan; the only component of a scan has one, however it is sampled. */
static bool
take_component(struct cut *c, const struct jpeg_decompress_struct *h, int i)
{
	const jpeg_component_info *info = h->cur_comp_info[i];
	const JHUFF_TBL *dc, *ac;
	int n = info->h_samp_factor * info->v_samp_factor;

	if (info->dc_tbl_no < 0 || info->dc_tbl_no >= NUM_HUFF_TBLS || info->ac_tbl_no < 0 || info->ac_tbl_no >= NUM_HUFF_TBLS)
		return false;
	dc = h->dc_huff_tbl_ptrs[info->dc_tbl_no];
	ac = h->ac_huff_tbl_ptrs[info->ac_tbl_no];
	if (!is_sound(dc) || !is_sound(ac) || c->n_blocks + n > CUT_MOST_BLOCKS || (h->num_components == 1 && n != 1))
		return false;
	c->dc_table[i] = info->dc_tbl_no;
	make_table(&c->dc[i], dc, true);
	make_table(&c->ac[i], ac, false);
	join_codes(&c->ac[i]);
	for (; n > 0; n--)
		c->component[c->n_blocks++] = i;
	return make_whole(c, i, dc);
}

/* The scan's bytes without the zeros behind bytes of ones. False: something else than the end of the file follows. */
static bool
take_bytes(struct cut *c)
{
	const uint8_t *at = c->at, *end = at + c->n, *ones;
	uint8_t *to;

	if (c->n > UINT32_MAX / 8 - PAD)
		return false;
	to = c->bytes = alloc_large(c->n + PAD);
	if (!to)
		return false;
	while ((ones = memchr(at, 0xff, (size_t)(end - at))) && end - ones >= 2 && ones[1] == 0) {
		memcpy(to, at, (size_t)(ones + 1 - at));
		to += ones + 1 - at;
		at = ones + 2;
	}
	if (!ones || end - ones < 2 || ones[1] != 0xd9)
		return false;
	memcpy(to, at, (size_t)(ones - at));
	to += ones - at;
	memset(to, 0, PAD);
	c->n_bits = (uint32_t)(8 * (to - c->bytes));
	return true;
}

static void
share_out(struct cut *c)
{
	for (int i = 0; i < c->n_parts; i++) {
		c->parts[i].from = (uint32_t)((uint64_t)c->n_bits * (uint64_t)i / (uint64_t)c->n_parts);
		c->parts[i].end = (uint32_t)((uint64_t)c->n_bits * (uint64_t)(i + 1) / (uint64_t)c->n_parts);
	}
}

void
cut_open(struct cut *c)
{
	c->opened = take_bytes(c);
	if (c->opened)
		share_out(c);
}

bool
cut_init(struct cut *c, const struct jpeg_decompress_struct *header, const uint8_t *at, size_t n, int n_parts)
{
	memset(c, 0, sizeof *c);
	if (!is_plain(header))
		return false;
	c->n_components = header->num_components;
	for (int i = 0; i < c->n_components; i++)
		if (!take_component(c, header, i))
			return false;
	c->row_mcus = (int)((header->image_width + 8u * (unsigned)header->max_h_samp_factor - 1) /
	    (8u * (unsigned)header->max_h_samp_factor));
	c->n_rows = (int)((header->image_height + 8u * (unsigned)header->max_v_samp_factor - 1) /
	    (8u * (unsigned)header->max_v_samp_factor));
	c->rows = xcalloc((size_t)c->n_rows + 1, sizeof *c->rows);
	c->at = at;
	c->n = n;
	c->n_parts = n_parts < CUT_MOST_PARTS ? n_parts : CUT_MOST_PARTS;
	return true;
}

void
cut_done(struct cut *c)
{
	for (int i = 0; i < c->n_parts; i++)
		free(c->parts[i].starts);
	free(c->rows);
	free(c->bytes);
}

#endif
