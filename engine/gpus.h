/* gpus.h: DOOR. What GPUs there are, for the plan, doctor and bench: told without loading anything. Any thread. A build
 * without CUDA, a machine without a driver and one without a card all answer 0 cards; gpus_software() says which it is. */
#ifndef ENGINE_GPUS_H
#define ENGINE_GPUS_H

struct gpu_info {
	char name[256];
	int major, minor;               /* compute capability */
	int n_sm;
	long long total, free;          /* bytes */
	int sm_mhz, memory_mhz;         /* as they are now; 0: not known */
	int max_sm_mhz;
	int power_limit;                /* watts; 0: not known */
};

struct gpu_software {
	const char *archs;              /* compiled in: "80 86 89 90"; NULL: built without CUDA */
	int runtime, driver;            /* CUDA versions, 13000 for 13.0; the newest that the driver knows; 0: none */
	char driver_version[80];        /* "580.65.06", or "" */
	char problem[160];              /* why there is no card to use, or "" */
};

/* How many there are, in the numbering of --gpus. */
int
gpus_count(void);
/* 0; -1 when it cannot be used, and `out->name` holds the reason. Takes a hold on the card, some 0.2 s at the first time. */
int
gpus_info(int gpu, struct gpu_info *out);
void
gpus_software(struct gpu_software *out);

/* A process that holds memory of a card. */
struct gpu_user {
	int pid;
	long long bytes;                /* -1: not told */
};
/* How many of them, at most `most` filled in; 0 also when the driver does not tell. */
int
gpus_users(int gpu, struct gpu_user out[], int most);

#endif
