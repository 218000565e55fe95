/* A CUDA device that only counts bytes: enough of the runtime, the driver and NVML for torch's allocator.

   Loaded before the real ones. It hands out addresses that nothing is behind, never one twice, and is full
   at COUNTING_BYTES. No header of CUDA is needed; what is not here is the real runtime's to answer.
   No function looks at more than the arguments that it names. */

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { FULL = 2, NAME = 256, TOTAL_GLOBAL_MEM = 288 };

static size_t used, next = 0x700000000000u;
static struct { size_t address, bytes; } *held;
static size_t count, room;

static size_t capacity(void) {
    const char *text = getenv("COUNTING_BYTES");
    return text ? strtoull(text, NULL, 10) : (size_t)1 << 42;
}

/* The runtime. */

int cudaMalloc(void **address, size_t bytes) {
    if (used + bytes > capacity()) return FULL;
    if (count == room) held = realloc(held, (room = room ? 2 * room : 1024) * sizeof *held);
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
int cudaGetDevice(int *device) { *device = 0; return 0; }
int cudaGetDeviceCount(int *devices) { *devices = 1; return 0; }
int cudaSetDevice(int device) { (void)device; return 0; }
int cudaGetDeviceProperties(char *properties, int device) {
    size_t total = capacity();
    (void)device;
    strcpy(properties, "counting");
    memcpy(properties + TOTAL_GLOBAL_MEM, &total, sizeof total);
    return 0;
}
int cudaGetDeviceProperties_v2(char *properties, int device) { return cudaGetDeviceProperties(properties, device); }
int cudaDriverGetVersion(int *version) { *version = 13000; return 0; }
int cudaGetLastError(void) { return 0; }
const char *cudaGetErrorString(int error) { (void)error; return "full"; }
const char *cudaGetErrorName(int error) { (void)error; return "full"; }
int cudaStreamIsCapturing(void *stream, int *status) { (void)stream; *status = 0; return 0; }
int cudaDeviceGetStreamPriorityRange(int *least, int *greatest) { *least = 0, *greatest = -1; return 0; }
int cudaThreadExchangeStreamCaptureMode(int *mode) { (void)mode; return 0; }
int cudaDeviceCanAccessPeer(int *can, int device, int peer) { (void)device, (void)peer; *can = 0; return 0; }
int cudaDeviceSynchronize(void) { return 0; }
int cudaStreamSynchronize(void *stream) { (void)stream; return 0; }
int cudaStreamQuery(void *stream) { (void)stream; return 0; }

/* The driver: pages for segments that grow, where what is mapped is as large as its page. */

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

/* What torch's compiler binds when the device is first asked for; never called. */

#define UNUSED(name) int name(void) { return 0; }
UNUSED(cuCtxGetCurrent) UNUSED(cuCtxSetCurrent) UNUSED(cuDeviceGet) UNUSED(cuDeviceGetAttribute)
UNUSED(cuDevicePrimaryCtxGetState) UNUSED(cuDevicePrimaryCtxRetain) UNUSED(cuFuncGetAttribute)
UNUSED(cuFuncSetAttribute) UNUSED(cuFuncSetCacheConfig) UNUSED(cuGetErrorString)
UNUSED(cuLaunchCooperativeKernel) UNUSED(cuLaunchKernel) UNUSED(cuLinkAddData_v2) UNUSED(cuLinkComplete)
UNUSED(cuLinkCreate_v2) UNUSED(cuModuleGetFunction) UNUSED(cuModuleLoad) UNUSED(cuModuleLoadData)
UNUSED(cuModuleLoadDataEx) UNUSED(cuModuleUnload) UNUSED(cuOccupancyMaxActiveBlocksPerMultiprocessor)
UNUSED(cuPointerGetAttribute) UNUSED(cuTensorMapEncodeTiled)

/* NVML, which says that there is no device with a fabric. */

int nvmlInit_v2(void) { return 0; }
int nvmlDeviceGetHandleByPciBusId_v2(const char *bus, void **device) { (void)bus; *device = NULL; return 0; }
UNUSED(nvmlDeviceGetNvLinkRemoteDeviceType) UNUSED(nvmlDeviceGetNvLinkRemotePciInfo_v2)
UNUSED(nvmlDeviceGetComputeRunningProcesses) UNUSED(nvmlSystemGetCudaDriverVersion_v2)
UNUSED(nvmlDeviceGetGpuFabricInfoV)
