/* devices.c: see engine/gpus.h. The runtime tells cards and memory; clocks, power and users come from the driver's
 * management library, which is opened when it is asked and need not be there. */
#include "config.h"

#include "engine/gpus.h"

#include <cuda_runtime_api.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/* ---- the management library; its declarations, as far as they are needed, by its documentation */

#define CLOCK_SM 1
#define CLOCK_MEMORY 2

struct process_info {
	unsigned pid;
	unsigned long long bytes;
	unsigned gpu_instance, compute_instance;
};

struct nvml {
	void *handle;
	int (*init)(void);
	int (*driver_version)(char *out, unsigned n);
	int (*find)(const char *pci_bus_id, void **device);
	int (*clock)(void *device, int which, unsigned *mhz);
	int (*max_clock)(void *device, int which, unsigned *mhz);
	int (*power_limit)(void *device, unsigned *milliwatts);
	int (*processes)(void *device, unsigned *n, struct process_info *out);
};

static void *
look_up(struct nvml *m, const char *name)
{
	return m->handle ? dlsym(m->handle, name) : NULL;
}

/* All of it or nothing; asked for seldom, so it is opened anew each time. */
static int
nvml_open(struct nvml *m)
{
	memset(m, 0, sizeof *m);
	m->handle = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
	*(void **)&m->init = look_up(m, "nvmlInit_v2");
	*(void **)&m->driver_version = look_up(m, "nvmlSystemGetDriverVersion");
	*(void **)&m->find = look_up(m, "nvmlDeviceGetHandleByPciBusId_v2");
	*(void **)&m->clock = look_up(m, "nvmlDeviceGetClockInfo");
	*(void **)&m->max_clock = look_up(m, "nvmlDeviceGetMaxClockInfo");
	*(void **)&m->power_limit = look_up(m, "nvmlDeviceGetEnforcedPowerLimit");
	*(void **)&m->processes = look_up(m, "nvmlDeviceGetComputeRunningProcesses_v3");
	if (m->init && m->driver_version && m->find && m->clock && m->max_clock && m->power_limit && m->processes &&
	    m->init() == 0)
		return 0;
	if (m->handle)
		dlclose(m->handle);
	return -1;
}

static void *
find_device(const struct nvml *m, int gpu)
{
	char bus[32] = "";
	void *device = NULL;

	if (cudaDeviceGetPCIBusId(bus, sizeof bus, gpu) != cudaSuccess || m->find(bus, &device) != 0) {
		cudaGetLastError();
		return NULL;
	}
	return device;
}

static void
ask_driver(struct gpu_info *out, int gpu)
{
	unsigned sm = 0, memory = 0, most = 0, milliwatts = 0;
	struct nvml m;
	void *device;

	if (nvml_open(&m) != 0)
		return;
	if ((device = find_device(&m, gpu))) {
		m.clock(device, CLOCK_SM, &sm);
		m.clock(device, CLOCK_MEMORY, &memory);
		m.max_clock(device, CLOCK_SM, &most);
		m.power_limit(device, &milliwatts);
	}
	out->sm_mhz = (int)sm;
	out->memory_mhz = (int)memory;
	out->max_sm_mhz = (int)most;
	out->power_limit = (int)(milliwatts / 1000);
	dlclose(m.handle);
}

/* ---- the door */

int
gpus_count(void)
{
	int n = 0;

	if (cudaGetDeviceCount(&n) != cudaSuccess)
		n = 0;
	cudaGetLastError();
	return n;
}

int
gpus_info(int gpu, struct gpu_info *out)
{
	size_t free_bytes = 0, total = 0;
	struct cudaDeviceProp p;
	cudaError_t rc;

	memset(out, 0, sizeof *out);
	rc = cudaGetDeviceProperties(&p, gpu);
	if (rc == cudaSuccess)
		rc = cudaSetDevice(gpu);
	if (rc == cudaSuccess)
		rc = cudaMemGetInfo(&free_bytes, &total);
	cudaGetLastError();
	if (rc != cudaSuccess) {
		snprintf(out->name, sizeof out->name, "%s", cudaGetErrorString(rc));
		return -1;
	}
	snprintf(out->name, sizeof out->name, "%s", p.name);
	out->major = p.major;
	out->minor = p.minor;
	out->n_sm = p.multiProcessorCount;
	out->free = (long long)free_bytes;
	out->total = (long long)total;
	ask_driver(out, gpu);
	return 0;
}

void
gpus_software(struct gpu_software *out)
{
	struct nvml m;
	int n = 0;
	cudaError_t rc;

	memset(out, 0, sizeof *out);
	out->archs = CUDA_ARCHS;
	cudaRuntimeGetVersion(&out->runtime);
	cudaDriverGetVersion(&out->driver);
	if (nvml_open(&m) == 0) {
		m.driver_version(out->driver_version, sizeof out->driver_version);
		dlclose(m.handle);
	}
	rc = cudaGetDeviceCount(&n);
	cudaGetLastError();
	if (rc == cudaErrorInsufficientDriver && out->driver == 0)
		snprintf(out->problem, sizeof out->problem, "there is no NVIDIA driver");
	else if (rc == cudaErrorInsufficientDriver)
		snprintf(out->problem, sizeof out->problem, "the NVIDIA driver knows CUDA %d.%d only, and this needs %d.%d",
		    out->driver / 1000, out->driver % 1000 / 10, out->runtime / 1000, out->runtime % 1000 / 10);
	else if (rc != cudaSuccess)
		snprintf(out->problem, sizeof out->problem, "%s", cudaGetErrorString(rc));
	else if (n == 0)
		snprintf(out->problem, sizeof out->problem, "there is no NVIDIA GPU");
}

int
gpus_users(int gpu, struct gpu_user out[], int most)
{
	struct process_info found[64];
	unsigned n = 64;
	struct nvml m;
	void *device;
	int n_out = 0;

	if (nvml_open(&m) != 0)
		return 0;
	device = find_device(&m, gpu);
	if (device && m.processes(device, &n, found) == 0)
		for (; n_out < most && (unsigned)n_out < n; n_out++)
			out[n_out] = (struct gpu_user){ (int)found[n_out].pid,
				found[n_out].bytes == ~0ull ? -1 : (long long)found[n_out].bytes };
	dlclose(m.handle);
	return n_out;
}
