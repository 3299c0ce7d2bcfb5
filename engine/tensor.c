/* tensor.c: see tensor.h. */
#include "config.h"

#include "engine/tensor.h"

const char *
dtype_name(enum dtype type)
{
	static const char *const names[] = {
		[DTYPE_F32] = "F32",
		[DTYPE_BF16] = "BF16",
		[DTYPE_F16] = "F16",
		[DTYPE_U8] = "U8",
		[DTYPE_I8] = "I8",
		[DTYPE_F8] = "F8_E4M3",
		[DTYPE_U4] = "U4",
	};

	return names[type];
}
