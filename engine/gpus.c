/* gpus.c: see gpus.h; what a build without CUDA says. Its twin is cuda/devices.c. */
#include "config.h"

#include "engine/gpus.h"

#ifndef HAVE_CUDA

#include <stdio.h>
#include <string.h>

int
gpus_count(void)
{
	return 0;
}

int
gpus_info(int gpu, struct gpu_info *out)
{
	(void)gpu;
	memset(out, 0, sizeof *out);
	snprintf(out->name, sizeof out->name, "built without CUDA");
	return -1;
}

void
gpus_software(struct gpu_software *out)
{
	memset(out, 0, sizeof *out);
	snprintf(out->problem, sizeof out->problem, "this ivchat was built without CUDA");
}

int
gpus_users(int gpu, struct gpu_user out[], int most)
{
	(void)gpu;
	(void)out;
	(void)most;
	return 0;
}

#endif
