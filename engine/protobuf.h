/* protobuf.h: reads the fields of a protobuf message one after the other, never beyond its end. */
#ifndef ENGINE_PROTOBUF_H
#define ENGINE_PROTOBUF_H

#include <stddef.h>
#include <stdint.h>

/* What is left of a message. Lent bytes. */
struct protobuf {
	const unsigned char *at, *end;
};

enum protobuf_wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

struct protobuf_field {
	uint32_t number;
	enum protobuf_wire wire;
	uint64_t value;                 /* of a varint, or the bits of a 32 or 64 bit number */
	struct protobuf bytes;          /* of a string or a message */
};

/* 1: a field was read; 0: the message is at its end; -1: it is malformed. */
int
protobuf_next(struct protobuf *p, struct protobuf_field *f);

/* The bits of a 32 bit field as float. */
float
protobuf_float(const struct protobuf_field *f);

#endif
