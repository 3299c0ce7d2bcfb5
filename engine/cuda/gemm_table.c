/* gemm_table.c: made by `ivchat bench --tune` on each kind of card; see gemm.h. */
#include "engine/cuda/gemm.h"

const struct gemm_choice gemm_table[] = {
	{0}
};
