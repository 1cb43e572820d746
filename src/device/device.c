/* device.c: opening and closing a device, and what it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "device/opencl.h"

/* ---- Settings of runtimes -------------------------------------------------------------- */

/* Each runtime has its own name for it, and PoCL three over its versions. */
static void limit_threads(unsigned threads) {
    static const char *const names[] = {"POCL_MAX_PTHREAD_COUNT", "POCL_CPU_MAX_CU_COUNT",
                                        "POCL_MAX_COMPUTE_UNITS", "DPCPP_CPU_NUM_CUS",
                                        "LP_NUM_THREADS"};
    static unsigned decided;
    char text[16];
    if (threads == 0 || threads == decided) return;
    if (dd__opencl_started()) {
        dd__log(DD_LOG_WARNING, "%u threads: too late, the OpenCL runtimes have started", threads);
        return;
    }
    decided = threads;
    snprintf(text, sizeof text, "%u", threads);
    for (size_t i = 0; i < DD_COUNT(names); i++) setenv(names[i], text, 1);
}

/* "conv2d=plain,gemm=clblast" becomes rows. */
static dd_status read_forced(dd_device *device, const char *text) {
    if (!text || !*text) return DD_OK;
    size_t rows = 1;
    for (const char *at = text; *at; at++) rows += *at == ',';
    device->forced_text = dd__copy_string(text);
    device->forced = dd__alloc(rows, sizeof *device->forced);
    if (!device->forced_text || !device->forced) return dd__no_memory(strlen(text));
    char *next = NULL;
    for (char *row = strtok_r(device->forced_text, ",", &next); row;
         row = strtok_r(NULL, ",", &next)) {
        char *equals = strchr(row, '=');
        if (!equals || equals == row || !equals[1])
            return dd__fail(DD_USAGE, "implementation \"%s\": expected OP=NAME", row);
        *equals = 0;
        device->forced[device->forced_count++] = (dd__forced){row, equals + 1};
    }
    return DD_OK;
}

/* ---- The key --------------------------------------------------------------------------- */

/* "model name" and a hash of the features of the host's first processor: the same model under
 * another hypervisor may lack instructions. */
static void host_processor(char *out, size_t size) {
    char line[16384], model[256] = "";
    uint32_t features = 0;
    struct utsname system;
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file) && line[0] != '\n') {
        char *value = strchr(line, ':');
        line[strcspn(line, "\n")] = 0;
        if (!value) continue;
        if (strncmp(line, "model name", 10) == 0 || strncmp(line, "CPU part", 8) == 0)
            snprintf(model, sizeof model, "%.250s", value + 1 + strspn(value + 1, " "));
        if (strncmp(line, "flags", 5) == 0 || strncmp(line, "Features", 8) == 0)
            features = dd__hash32(value, strlen(value));
    }
    if (file) fclose(file);
    const char *machine = uname(&system) == 0 ? system.machine : "";
    snprintf(out, size, "%s %s %08x", machine, model, (unsigned)features);
}

/* Settings that change the code a runtime makes. */
static void compiler_settings(char *out, size_t size) {
    static const char *const names[] = {
        "POCL_KERNELLIB_NAME",
        "POCL_LLVM_CPU_NAME",
        "POCL_EXTRA_BUILD_FLAGS",
        "POCL_WORK_GROUP_METHOD",
        "POCL_DEVICES",
        "POCL_VECTORIZER_PREFER_VECTOR_WIDTH",
        "CL_CONFIG_USE_VECTORIZER",
        "CL_CONFIG_CPU_VECTORIZER_MODE",
        "CL_CONFIG_CPU_TARGET_ARCH",
        "LP_NATIVE_VECTOR_WIDTH",
        "DEEPDIGITS_VECTOR_WIDTH",
        "DEEPDIGITS_GROUP",
        "DEEPDIGITS_MATRIX",
    };
    size_t used = 0;
    out[0] = 0;
    for (size_t i = 0; i < DD_COUNT(names); i++) {
        const char *value = getenv(names[i]);
        if (!value || used + strlen(names[i]) + strlen(value) + 3 > size) continue;
        used += (size_t)snprintf(out + used, size - used, " %s=%s", names[i], value);
    }
}

static dd_status make_key(dd_device *device) {
    const dd_device_info *info = &device->info;
    char processor[512] = "", settings[1024] = "", key[4096];
    if (info->type == DD_DEVICE_CPU) host_processor(processor, sizeof processor);
    compiler_settings(settings, sizeof settings);
    static const char *const precisions[] = {"", "; tf32", "; bf16", "; f16"};
    snprintf(key, sizeof key, "%s; %s; %s; %s; %s; %s; %u units; %s class%s; %s;%s; deepdigits %s",
             info->name, info->vendor, info->driver, info->version, info->platform,
             info->platform_version, info->compute_units,
             device->class == DD_CLASS_CPU ? "cpu" : "gpu", precisions[device->opened.precision],
             processor, settings, dd_version());
    for (char *at = key; *at; at++)
        if ((unsigned char)*at < ' ') *at = ' ';
    device->key = dd__copy_string(key);
    return device->key ? DD_OK : dd__no_memory(strlen(key) + 1);
}

/* ---- Opening and closing --------------------------------------------------------------- */

static dd_status check_fitness(dd_device *device) {
    cl_uint alignment = 0, major = 0, minor = 0;
    cl_bool compiles = CL_FALSE;
    const dd_device_info *info = &device->info;
    clGetDeviceInfo(device->id, CL_DEVICE_MEM_BASE_ADDR_ALIGN, sizeof alignment, &alignment, NULL);
    clGetDeviceInfo(device->id, CL_DEVICE_COMPILER_AVAILABLE, sizeof compiles, &compiles, NULL);
    if (sscanf(info->version, "OpenCL %u.%u", &major, &minor) == 2 && major == 1 && minor < 2)
        return dd__fail(DD_DEVICE, "%s: expected OpenCL 1.2 or later, found \"%s\"", info->name,
                        info->version);
    if (!compiles)
        return dd__fail(DD_DEVICE, "%s: the driver has no compiler for OpenCL C", info->name);
    if (alignment / 8 > DD__ALIGNMENT) /* the query answers in bits */
        return dd__fail(DD_DEVICE, "%s: wants buffers aligned to %u bytes, at most %d are offered",
                        info->name, (unsigned)(alignment / 8), (int)DD__ALIGNMENT);
    return DD_OK;
}

/* A processor whose lanes are work-items: llvmpipe says 1024 of itself, and of each kernel 32. Those who
 * choose a size before there is a kernel get what kernels take. */
static void limit_lanes(dd_device *device) {
    enum { LANES = 32 };
    bool lanes =
        device->info.type == DD_DEVICE_CPU && dd__natural_class(&device->info) == DD_CLASS_GPU;
    if (lanes && device->group_limit > LANES) device->group_limit = LANES;
}

/* Groups that compute something together: on a GPU so large that few of them fill a compute unit.
 * DEEPDIGITS_GROUP sets another number, so that the kernels of GPUs can be tested elsewhere. */
enum { GROUP_ON_GPU = 256, GROUP_ON_CPU = 32 };

static size_t choose_group(const dd_device *device) {
    const char *wanted = getenv("DEEPDIGITS_GROUP");
    long most = wanted ? atol(wanted) : 0;
    if (most < 1) most = device->info.type == DD_DEVICE_GPU ? GROUP_ON_GPU : GROUP_ON_CPU;
    if ((size_t)most > device->group_limit) most = (long)device->group_limit;
    size_t group = 1;
    while (2 * group <= (size_t)most) group *= 2;
    return group;
}

static dd_status open_opencl(dd_device *device) {
    cl_int error;
    cl_context_properties properties[] = {CL_CONTEXT_PLATFORM,
                                          (cl_context_properties)device->platform, 0};
    DD_TRY(check_fitness(device));
    device->context = clCreateContext(properties, 1, &device->id, NULL, NULL, &error);
    if (error != CL_SUCCESS) return dd__cl_fail(device, error, "no context");
    device->queue = clCreateCommandQueue(device->context, device->id, 0, &error);
    if (error != CL_SUCCESS) return dd__cl_fail(device, error, "no command queue");
    clGetDeviceInfo(device->id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof device->group_limit,
                    &device->group_limit, NULL);
    size_t sizes[16] = {0};
    if (clGetDeviceInfo(device->id, CL_DEVICE_MAX_WORK_ITEM_SIZES, sizeof sizes, sizes, NULL) !=
        CL_SUCCESS)
        return dd__fail(DD_DEVICE, "%s: the driver does not say how large a work-group may be",
                        device->info.name);
    memcpy(device->group_sizes, sizes, sizeof device->group_sizes);
    if (sizes[0] && sizes[0] < device->group_limit) device->group_limit = sizes[0];
    limit_lanes(device);
    device->group = choose_group(device);
    return DD_OK;
}

/* The reference opens without a look at OpenCL, which may not be there. */
static dd_status find(const char *selector, dd__found *found) {
    selector = dd__selector_or_environment(selector);
    if (selector && strcasecmp(selector, "reference") == 0) {
        *found = dd__reference_device();
        return DD_OK;
    }
    dd__catalogue catalogue = {0};
    size_t index = 0;
    DD_TRY(dd__probe_once());
    DD_TRY(dd__catalogue_fill(&catalogue));
    dd_status status = dd__select(&catalogue, selector, &index);
    if (status == DD_OK) {
        size_t preferred;
        *found = catalogue.found[index];
        found->info.is_default =
            dd__select(&catalogue, NULL, &preferred) == DD_OK && preferred == index;
    }
    dd__catalogue_clear(&catalogue);
    return status;
}

static bool is_trusted(const dd_device *device, const dd_device_options *options) {
    const char *choice = getenv("DEEPDIGITS_SELFTEST");
    if (dd__device_is_reference(device) || options->without_selftest) return true;
    return choice && strcmp(choice, "off") == 0;
}

bool dd__device_is_trusted(const dd_device *device) { return device->trusted; }

/* The class that was asked for, else $DEEPDIGITS_KERNEL_CLASS, else AUTO. */
static dd_status wanted_class(dd_kernel_class asked, dd_kernel_class *class) {
    const char *name = getenv("DEEPDIGITS_KERNEL_CLASS");
    *class = asked;
    if (asked != DD_CLASS_AUTO || !name || !*name || strcmp(name, "auto") == 0) return DD_OK;
    if (strcmp(name, "cpu") != 0 && strcmp(name, "gpu") != 0)
        return dd__fail(DD_USAGE,
                        "DEEPDIGITS_KERNEL_CLASS: expected auto, cpu or gpu, found \"%s\"", name);
    *class = *name == 'c' ? DD_CLASS_CPU : DD_CLASS_GPU;
    return DD_OK;
}

static dd_status remember(const char *selector, const dd_device_options *options,
                          dd__opened *opened) {
    selector = dd__selector_or_environment(selector);
    opened->selector = dd__copy_string(selector ? selector : "");
    opened->implementations =
        dd__copy_string(options->implementations ? options->implementations : "");
    opened->threads = options->threads;
    opened->precision = options->precision;
    opened->memory_bytes = options->memory_bytes;
    if (!opened->selector || !opened->implementations) return dd__no_memory(1);
    return wanted_class(options->kernel_class, &opened->kernel_class);
}

const dd__opened *dd__device_opened(const dd_device *device) { return &device->opened; }

static const double longest_launch_seconds = 0.1;

/* A fifth is left to drivers, which need memory for programs, queues and the screen; and a device
 * says how much it has, not how much is free. */
static uint64_t choose_budget(const dd_device_info *info, const dd_device_options *options) {
    uint64_t most = info->memory_bytes / 5 * 4;
    return options->memory_bytes && options->memory_bytes < most ? options->memory_bytes : most;
}

dd_status dd_device_open(const char *selector, const dd_device_options *options,
                         dd_device **device) {
    static const dd_device_options defaults;
    dd__found found;
    *device = NULL;
    if (!options) options = &defaults;
    limit_threads(options->threads);
    DD_TRY(find(selector, &found));
    dd_device *opened = dd__alloc(1, sizeof *opened);
    if (!opened) return dd__no_memory(sizeof *opened);
    opened->info = found.info;
    opened->platform = found.platform;
    opened->id = found.device;
    opened->group_limit = opened->group = 1;
    opened->budget = choose_budget(&found.info, options);
    if (found.info.type == DD_DEVICE_GPU) opened->part_seconds = longest_launch_seconds;
    opened->trusted = is_trusted(opened, options);
    dd_status status = remember(selector, options, &opened->opened);
    opened->class = opened->opened.kernel_class;
    if (opened->class == DD_CLASS_AUTO)
        opened->class =
            found.device ? dd__natural_class(&found.info) : DD_CLASS_CPU; /* the reference */
    if (status == DD_OK) status = read_forced(opened, options->implementations);
    if (status == DD_OK) status = make_key(opened);
    if (status == DD_OK && found.device) status = open_opencl(opened);
    if (status != DD_OK) {
        dd_device_close(opened);
        return status;
    }
    const dd_device_info *info = &opened->info;
    if (found.device)
        dd__log(DD_LOG_INFO, "device %d: %s (%s %s), %u units, %.1f GiB", info->index, info->name,
                info->platform, info->driver, info->compute_units,
                (double)info->memory_bytes / (1 << 30));
    *device = opened;
    return DD_OK;
}

/* A lost device's handles are left to the end of the process: releasing them may hang. */
static void close_opencl(dd_device *device) {
    if (!device->lost && device->queue) clFinish(device->queue);
#ifdef DD_WITH_CLBLAST
    if (!device->lost) dd__clblast_close(device);
#endif
    dd__programs_free(device);
    if (device->lost) return;
    if (device->profiling_queue) clReleaseCommandQueue(device->profiling_queue);
    if (device->queue) clReleaseCommandQueue(device->queue);
    if (device->context) clReleaseContext(device->context);
}

void dd_device_close(dd_device *device) {
    if (!device) return;
    if (device->id) close_opencl(device);
    dd__fits_free(device);
    dd__free(device->opened.selector);
    dd__free(device->opened.implementations);
    dd__free(device->forced);
    dd__free(device->forced_text);
    dd__free(device->key);
    dd__free(device);
}

/* ---- What it is ------------------------------------------------------------------------ */

const dd_device_info *dd_device_describe(const dd_device *device) { return &device->info; }
bool dd__device_is_reference(const dd_device *device) { return !device->id; }
dd_kernel_class dd__device_class(const dd_device *device) { return device->class; }
dd_precision dd__device_precision(const dd_device *device) { return device->opened.precision; }
size_t dd__device_group_limit(const dd_device *device) { return device->group_limit; }
size_t dd__device_group(const dd_device *device) { return device->group; }
const char *dd__device_key(const dd_device *device) { return device->key; }
uint64_t dd__device_bytes(const dd_device *device) { return device->bytes; }

const char *dd__device_forced_op(const dd_device *device, size_t i) {
    return i < device->forced_count ? device->forced[i].op : NULL;
}

const char *dd__device_forced(const dd_device *device, const char *op) {
    for (size_t i = 0; i < device->forced_count; i++)
        if (strcmp(device->forced[i].op, op) == 0) return device->forced[i].implementation;
    return NULL;
}

dd_status dd__device_finish(dd_device *device) {
    return device->id ? dd__queue_finish(device, device->queue) : DD_OK;
}

dd_status dd__queue_finish(dd_device *device, cl_command_queue queue) {
    DD_TRY(dd__device_usable(device));
    /* Mesa 22.3's rusticl waits only for what was not yet flushed: the marker is */
    cl_int error = clEnqueueMarkerWithWaitList(queue, 0, NULL, NULL);
    if (error == CL_SUCCESS) error = clFinish(queue);
    device->queued_seconds = 0;
    if (error == CL_SUCCESS) return DD_OK;
    if (error == CL_OUT_OF_RESOURCES) device->lost = true; /* how a watchdog's kill is reported */
    return dd__cl_fail(device, error, "the work enqueued did not finish");
}

dd_status dd__device_profiling_queue(dd_device *device, cl_command_queue *queue) {
    cl_int error = CL_SUCCESS;
    if (!device->profiling_queue)
        device->profiling_queue =
            clCreateCommandQueue(device->context, device->id, CL_QUEUE_PROFILING_ENABLE, &error);
    if (error != CL_SUCCESS) return dd__cl_fail(device, error, "no queue for profiling");
    *queue = device->profiling_queue;
    return DD_OK;
}
