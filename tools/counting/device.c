/* A CUDA device that only counts bytes: enough of the runtime, the driver and NVML for torch to run on it.

   Loaded before the real ones. It hands out addresses that nothing is behind, never one twice, and is full at
   COUNTING_BYTES. Kernels and copies do nothing and are done at once. No header of CUDA is needed: structures
   are written at the offsets that they have in CUDA 13. What is not here is the real runtime's to
   answer, which fails for want of a driver. Other libraries that torch is linked to are made up beside this
   file, see device.py. */

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define NOTHING(name) int name(void) { return 0; }

enum { FULL = 2, KEPT = 1024 };

static size_t used, next = 0x700000000000u;
static struct { size_t address, bytes; } *held;
static size_t count, room;

static size_t capacity(void) {
    const char *text = getenv("COUNTING_BYTES");
    return text ? strtoull(text, NULL, 10) : (size_t)1 << 42;
}
/* 90 for compute capability 9.0. */
static int capability(void) {
    const char *text = getenv("COUNTING_CAPABILITY");
    return text ? atoi(text) : 90;
}

/* Memory. */

int cudaMalloc(void **address, size_t bytes) {
    if (used + bytes > capacity()) return FULL;
    if (count == room) held = realloc(held, (room = room ? 2 * room : KEPT) * sizeof *held);
    held[count].address = next, held[count++].bytes = bytes;
    *address = (void *)next, next += bytes, used += bytes;
    return 0;
}
int cudaFree(void *address) {
    size_t low = 0, high = count;
    while (address && low < high) {
        size_t middle = (low + high) / 2;
        if (held[middle].address < (size_t)address) low = middle + 1; else high = middle;
    }
    if (address && low < count) used -= held[low].bytes, held[low].bytes = 0;
    return 0;
}
int cudaMemGetInfo(size_t *left, size_t *total) { *total = capacity(), *left = *total - used; return 0; }
/* Of the host, where what is read back is zero. */
int cudaHostAlloc(void **address, size_t bytes) { return *address = calloc(1, bytes ? bytes : 1), *address ? 0 : FULL; }
int cudaFreeHost(void *address) { free(address); return 0; }
NOTHING(cudaHostRegister) NOTHING(cudaHostUnregister)
NOTHING(cudaMemcpy) NOTHING(cudaMemcpyAsync) NOTHING(cudaMemset) NOTHING(cudaMemsetAsync)

/* Pages for segments that grow: a handle is as many bytes as its page has. */

static int done(void) { return 0; }
static int reserve(size_t *address, size_t bytes) {
    *address = next, next += (bytes + (1 << 21) - 1) >> 21 << 21;
    return 0;
}
static int create(size_t *handle, size_t bytes) {
    if (used + bytes > capacity()) return FULL;
    used += bytes, *handle = bytes;
    return 0;
}
static int release(size_t handle) { used -= handle; return 0; }
static int attribute(int *value) { *value = 0; return 0; }

int cudaGetDriverEntryPointByVersion(
    const char *name, void **function, unsigned version, unsigned long long flags, int *status) {
    (void)version, (void)flags;
    if (status) *status = 0;
    *function = !strcmp(name, "cuMemAddressReserve") ? (void *)reserve
        : !strcmp(name, "cuMemCreate") ? (void *)create
        : !strcmp(name, "cuMemRelease") ? (void *)release
        : !strcmp(name, "cuDeviceGetAttribute") ? (void *)attribute
        : (void *)done;
    return 0;
}

/* The device: one, in the sizes of an H100. */

static void at(char *structure, int offset, int value) { memcpy(structure + offset, &value, sizeof value); }
static void wide(char *structure, int offset, size_t value) { memcpy(structure + offset, &value, sizeof value); }

int cudaGetDeviceProperties(char *properties, int device) {
    (void)device;
    strcpy(properties, "counting");
    wide(properties, 288, capacity()); /* totalGlobalMem */
    wide(properties, 296, 49152);      /* sharedMemPerBlock */
    at(properties, 304, 65536);        /* regsPerBlock */
    at(properties, 308, 32);           /* warpSize */
    at(properties, 320, 1024);         /* maxThreadsPerBlock */
    at(properties, 324, 1024), at(properties, 328, 1024), at(properties, 332, 64);        /* maxThreadsDim */
    at(properties, 336, 2147483647), at(properties, 340, 65535), at(properties, 344, 65535); /* maxGridSize */
    at(properties, 360, capability() / 10), at(properties, 364, capability() % 10);
    at(properties, 384, 132);      /* multiProcessorCount */
    at(properties, 596, 52428800); /* l2CacheSize */
    at(properties, 604, 2048);     /* maxThreadsPerMultiProcessor */
    wide(properties, 624, 233472); /* sharedMemPerMultiprocessor */
    at(properties, 632, 65536);    /* regsPerMultiprocessor */
    wide(properties, 672, 232448); /* sharedMemPerBlockOptin */
    at(properties, 688, 32);       /* maxBlocksPerMultiProcessor */
    return 0;
}
int cudaGetDevice(int *device) { *device = 0; return 0; }
int cudaGetDeviceCount(int *devices) { *devices = 1; return 0; }
int cudaDriverGetVersion(int *version) { *version = 13000; return 0; }
int cudaDeviceGetStreamPriorityRange(int *least, int *greatest) { *least = 0, *greatest = -1; return 0; }
int cudaDeviceCanAccessPeer(int *can, int device, int peer) { (void)device, (void)peer; *can = 0; return 0; }
int cudaDeviceGetAttribute(int *value, int which, int device) {
    (void)device;
    *value = which == 75 ? capability() / 10 : which == 76 ? capability() % 10
        : which == 16 ? 132 /* multiprocessors */ : which == 39 ? 2048 /* threads of one */ : 0;
    return 0;
}
int cuCtxGetCurrent(void **context) { *context = &used; return 0; }
NOTHING(cudaSetDevice) NOTHING(cudaDeviceSynchronize) NOTHING(cudaGetLastError) NOTHING(cudaPeekAtLastError)
const char *cudaGetErrorString(int error) { (void)error; return "full"; }
const char *cudaGetErrorName(int error) { (void)error; return "full"; }

/* Streams, events and kernels. */

int cudaStreamIsCapturing(void *stream, int *status) { (void)stream; *status = 0; return 0; }
int cudaStreamCreateWithPriority(void **stream) { *stream = &next; return 0; }
int cudaEventCreateWithFlags(void **event) { *event = &count; return 0; }
NOTHING(cudaThreadExchangeStreamCaptureMode) NOTHING(cudaStreamSynchronize) NOTHING(cudaStreamQuery)
NOTHING(cudaStreamWaitEvent) NOTHING(cudaEventRecord) NOTHING(cudaEventQuery) NOTHING(cudaEventDestroy)
NOTHING(cudaEventSynchronize) NOTHING(cudaLaunchKernel) NOTHING(cudaLaunchKernelExC) NOTHING(cudaFuncSetAttribute)
int cudaFuncGetAttributes(char *attributes) {
    at(attributes, 24, 1024);         /* maxThreadsPerBlock */
    at(attributes, 36, capability()); /* binaryVersion */
    return 0;
}
int cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks) { *blocks = 1; return 0; }
int cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks) { *blocks = 1; return 0; }
/* Another one for each thread that asks: torch has a workspace for each. */
int cublasCreate_v2(void **handle) { static char made[KEPT]; static int next_one; *handle = &made[next_one++]; return 0; }
/* One algorithm for every product, so that torch goes the way that it goes on a GPU. */
int cublasLtMatmulAlgoGetHeuristic(
    void *handle, void *product, void *a, void *b, void *c, void *d, void *wish, int most, void *found, int *count) {
    (void)handle, (void)product, (void)a, (void)b, (void)c, (void)d, (void)wish, (void)most, (void)found;
    *count = 1;
    return 0;
}

/* NVML, which knows of no device. */

int nvmlInit_v2(void) { return 0; }
int nvmlDeviceGetHandleByPciBusId_v2(const char *bus, void **device) { (void)bus; *device = NULL; return 0; }
NOTHING(nvmlDeviceGetNvLinkRemoteDeviceType) NOTHING(nvmlDeviceGetNvLinkRemotePciInfo_v2)
NOTHING(nvmlDeviceGetComputeRunningProcesses) NOTHING(nvmlSystemGetCudaDriverVersion_v2)
NOTHING(nvmlDeviceGetGpuFabricInfoV)
