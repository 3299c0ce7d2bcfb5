/* protobuf.c: see protobuf.h. Groups (wire types 3 and 4) are long deprecated and refused. */
#include "config.h"

#include "engine/protobuf.h"

#include <string.h>

static size_t
left(const struct protobuf *p)
{
	return (size_t)(p->end - p->at);
}

/* 0, or -1 when the message ends inside the number or the number has more than 64 bits. */
static int
read_varint(struct protobuf *p, uint64_t *value)
{
	*value = 0;
	for (int shift = 0; shift < 64; shift += 7) {
		unsigned char byte;

		if (left(p) == 0)
			return -1;
		byte = *p->at++;
		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return 0;
	}
	return -1;
}

static int
read_fixed(struct protobuf *p, size_t n, uint64_t *value)
{
	if (left(p) < n)
		return -1;
	*value = 0;
	for (size_t i = n; i-- > 0;)
		*value = *value << 8 | p->at[i];
	p->at += n;
	return 0;
}

static int
read_bytes(struct protobuf *p, struct protobuf *out)
{
	uint64_t n;

	if (read_varint(p, &n) < 0 || n > left(p))
		return -1;
	*out = (struct protobuf){p->at, p->at + n};
	p->at += n;
	return 0;
}

static int
read_value(struct protobuf *p, struct protobuf_field *f)
{
	switch (f->wire) {
	case WIRE_VARINT:
		return read_varint(p, &f->value);
	case WIRE_64:
		return read_fixed(p, 8, &f->value);
	case WIRE_BYTES:
		return read_bytes(p, &f->bytes);
	case WIRE_32:
		return read_fixed(p, 4, &f->value);
	}
	return -1;
}

int
protobuf_next(struct protobuf *p, struct protobuf_field *f)
{
	uint64_t tag;

	*f = (struct protobuf_field){0};
	if (left(p) == 0)
		return 0;
	if (read_varint(p, &tag) < 0 || tag >> 3 == 0 || tag >> 32 != 0)
		return -1;
	f->number = (uint32_t)(tag >> 3);
	f->wire = (enum protobuf_wire)(tag & 7);
	return read_value(p, f) < 0 ? -1 : 1;
}

float
protobuf_float(const struct protobuf_field *f)
{
	uint32_t bits = (uint32_t)f->value;
	float x;

	memcpy(&x, &bits, sizeof x);
	return x;
}
