/* list.c: one flat list of the devices of all platforms. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "device/opencl.h"

/* ---- The catalogue ------------------------------------------------------------------ */

dd_status dd__catalogue_add(dd__catalogue *catalogue, const dd__found *found) {
    size_t bytes = sizeof *found;
    dd__found *larger = dd__resize(catalogue->found, catalogue->count + 1, bytes);
    if (!larger) return dd__no_memory((catalogue->count + 1) * bytes);
    catalogue->found = larger;
    larger[catalogue->count] = *found;
    larger[catalogue->count].info.index = (int)catalogue->count;
    catalogue->count++;
    return DD_OK;
}

dd_status dd__catalogue_skip(dd__catalogue *catalogue, const char *format, ...) {
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    char *copy = dd__copy_string(line);
    char **larger = dd__resize(catalogue->skipped, catalogue->skipped_count + 1, sizeof *larger);
    if (larger) catalogue->skipped = larger;
    if (!copy || !larger) {
        dd__free(copy);
        return dd__no_memory(sizeof line);
    }
    larger[catalogue->skipped_count++] = copy;
    return DD_OK;
}

void dd__catalogue_clear(dd__catalogue *catalogue) {
    for (size_t i = 0; i < catalogue->skipped_count; i++) dd__free(catalogue->skipped[i]);
    dd__free(catalogue->skipped);
    dd__free(catalogue->found);
    *catalogue = (dd__catalogue){0};
}

/* ---- One device --------------------------------------------------------------------- */

/* Vendors pad names with blanks on both sides. */
static void trim(char *text) {
    size_t start = strspn(text, " \t\n"), end = strlen(text);
    while (end > start && strchr(" \t\n", text[end - 1])) end--;
    memmove(text, text + start, end - start);
    text[end - start] = 0;
}

/* Text of unknown length, cut to `size`; "" when the runtime has none. */
static void device_text(cl_device_id device, cl_device_info what, char *out, size_t size) {
    char text[16384]; /* CL_DEVICE_EXTENSIONS is the longest: a few KB */
    size_t length = 0;
    out[0] = 0;
    if (clGetDeviceInfo(device, what, sizeof text - 1, text, &length) != CL_SUCCESS) return;
    text[length] = 0;
    trim(text);
    snprintf(out, size, "%s", text);
}

static void platform_text(cl_platform_id platform, cl_platform_info what, char *out, size_t size) {
    char text[4096];
    size_t length = 0;
    out[0] = 0;
    if (clGetPlatformInfo(platform, what, sizeof text - 1, text, &length) != CL_SUCCESS) return;
    text[length] = 0;
    trim(text);
    if (snprintf(out, size, "%s", text) < 0) out[0] = 0; /* a longer text is cut off */
}

static unsigned device_number(cl_device_id device, cl_device_info what) {
    cl_uint value = 0;
    return clGetDeviceInfo(device, what, sizeof value, &value, NULL) == CL_SUCCESS ? value : 0;
}

static uint64_t device_bytes(cl_device_id device, cl_device_info what) {
    cl_ulong value = 0;
    return clGetDeviceInfo(device, what, sizeof value, &value, NULL) == CL_SUCCESS ? value : 0;
}

/* The bits of a cl_bitfield. */
static cl_ulong device_bits(cl_device_id device, cl_device_info what) {
    return device_bytes(device, what);
}

static void keep_extensions(cl_device_id device, char *out, size_t size) {
    static const char *const matter[] = {
        "cl_khr_fp16",          "cl_khr_fp64",
        "cl_khr_subgroups",     "cl_khr_integer_dot_product",
        "cl_khr_il_program",    "cl_khr_command_buffer",
        "cl_ext_float_atomics", "cl_nv_device_attribute_query",
        "cl_intel_subgroups",   "cl_intel_subgroup_matrix_multiply_accumulate",
    };
    char all[16384], padded[16384 + 2], word[64];
    device_text(device, CL_DEVICE_EXTENSIONS, all, sizeof all);
    snprintf(padded, sizeof padded, " %s ", all);
    size_t used = 0;
    out[0] = 0;
    for (size_t i = 0; i < DD_COUNT(matter); i++) {
        snprintf(word, sizeof word, " %s ", matter[i]);
        if (!strstr(padded, word) || used + strlen(matter[i]) + 2 > size) continue;
        used += (size_t)snprintf(out + used, size - used, "%s%s", used ? " " : "", matter[i]);
    }
}

/* Oclgrind claims to be a CPU, a GPU and an accelerator at once: a GPU, by the order here. */
static dd_device_type type_of(cl_device_id device) {
    cl_ulong bits = device_bits(device, CL_DEVICE_TYPE);
    if (bits & CL_DEVICE_TYPE_GPU) return DD_DEVICE_GPU;
    if (bits & CL_DEVICE_TYPE_CPU) return DD_DEVICE_CPU;
    return DD_DEVICE_ACCELERATOR;
}

/* A runtime for processors either vectorises within a work-item, where explicit vectors are what is
 * fast (PoCL, Intel), or over work-items as a GPU does: rusticl with llvmpipe, which says so by a
 * native width of 1 and wants GPU-like groups: 7 of 8 lanes idle otherwise. */
dd_kernel_class dd__natural_class(const dd_device_info *info) {
    return info->type == DD_DEVICE_CPU && info->vector_width > 1 ? DD_CLASS_CPU : DD_CLASS_GPU;
}

static bool is_old(const dd_device_info *info) {
    unsigned major = 0, minor = 0;
    if (sscanf(info->version, "OpenCL %u.%u", &major, &minor) != 2) return false;
    return major == 1 && minor < 2;
}

/* Discrete GPU > GPU > CPU > accelerator. Emulators and what cannot compile are never a default;
 * Clover and llvmpipe come after others of their type: another runtime for the same chip is better.
 */
static int rank_of(cl_device_id device, const dd_device_info *info) {
    bool emulator = strstr(info->platform, "Oclgrind") || strstr(info->platform, "FPGA") ||
                    strstr(info->name, "FPGA");
    if (emulator || is_old(info)) return 0;
    if (!device_number(device, CL_DEVICE_AVAILABLE)) return 0;
    if (!device_number(device, CL_DEVICE_COMPILER_AVAILABLE)) return 0;
    bool second = strstr(info->platform, "Clover") || strstr(info->name, "llvmpipe");
    int lower = second ? 1 : 0;
    switch (info->type) {
    case DD_DEVICE_GPU:
        return (device_number(device, CL_DEVICE_HOST_UNIFIED_MEMORY) ? 6 : 8) - lower;
    case DD_DEVICE_CPU:
        return 4 - lower;
    case DD_DEVICE_ACCELERATOR:
        return 2 - lower;
    default:
        return 0;
    }
}

/* Of the processor that PoCL compiles for when it is told to, by a variable of its own: it goes on
 * telling the host's width then, whose vectors would not fit into registers. */
static unsigned widest_of_pocl(void) {
    const char *library = getenv("POCL_KERNELLIB_NAME");
    if (!library || strstr(library, "avx512")) return 16;
    return strstr(library, "avx") ? 8 : 4;
}

/* The device's own, at least 4; or what DEEPDIGITS_VECTOR_WIDTH says, so that the kernels of wider
 * and narrower machines can be tested on this one. */
static unsigned wanted_width(const dd_device_info *info) {
    const char *wanted = getenv("DEEPDIGITS_VECTOR_WIDTH");
    unsigned long width = wanted ? strtoul(wanted, NULL, 10) : 0;
    if (width == 4 || width == 8 || width == 16) return (unsigned)width;
    width = info->vector_width < widest_of_pocl() ? info->vector_width : widest_of_pocl();
    return width < 4 ? 4 : (unsigned)width;
}

static dd__found describe(cl_platform_id platform, cl_device_id device) {
    dd__found found = {.platform = platform, .device = device};
    dd_device_info *info = &found.info;
    platform_text(platform, CL_PLATFORM_NAME, info->platform, sizeof info->platform);
    platform_text(platform, CL_PLATFORM_VERSION, info->platform_version,
                  sizeof info->platform_version);
    device_text(device, CL_DEVICE_NAME, info->name, sizeof info->name);
    device_text(device, CL_DEVICE_VENDOR, info->vendor, sizeof info->vendor);
    device_text(device, CL_DRIVER_VERSION, info->driver, sizeof info->driver);
    device_text(device, CL_DEVICE_VERSION, info->version, sizeof info->version);
    keep_extensions(device, info->extensions, sizeof info->extensions);
    info->type = type_of(device);
    info->compute_units = device_number(device, CL_DEVICE_MAX_COMPUTE_UNITS);
    info->clock_mhz = device_number(device, CL_DEVICE_MAX_CLOCK_FREQUENCY);
    info->vector_width = device_number(device, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT);
    if (dd__natural_class(info) == DD_CLASS_CPU) info->vector_width = wanted_width(info);
    info->memory_bytes = device_bytes(device, CL_DEVICE_GLOBAL_MEM_SIZE);
    info->largest_allocation_bytes = device_bytes(device, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    info->local_memory_bytes = device_bytes(device, CL_DEVICE_LOCAL_MEM_SIZE);
    info->local_memory_is_real = device_number(device, CL_DEVICE_LOCAL_MEM_TYPE) == CL_LOCAL;
    info->has_fast_fma = (device_bits(device, CL_DEVICE_SINGLE_FP_CONFIG) & CL_FP_FMA) != 0;
    found.rank = rank_of(device, info);
    return found;
}

dd__found dd__reference_device(void) {
    dd__found found = {.info = {.index = -1,
                                .platform_index = -1,
                                .device_index = -1,
                                .name = "reference",
                                .vendor = "deepdigits",
                                .platform = "plain C",
                                .type = DD_DEVICE_REFERENCE,
                                .compute_units = 1,
                                .vector_width = 1,
                                .memory_bytes = SIZE_MAX,
                                .largest_allocation_bytes = SIZE_MAX}};
    snprintf(found.info.driver, sizeof found.info.driver, "%s", dd_version());
    return found;
}

/* ---- All of them -------------------------------------------------------------------- */

static dd_status no_devices(dd__catalogue *catalogue, const char *platform, cl_int error) {
    if (strstr(platform, "rusticl"))
        return dd__catalogue_skip(catalogue,
                                  "%s: no devices; set RUSTICL_ENABLE=llvmpipe, or to the drivers "
                                  "it may use (iris, radeonsi, ...)",
                                  platform);
    if (error == CL_DEVICE_NOT_FOUND || error == CL_SUCCESS)
        return dd__catalogue_skip(catalogue, "%s: no devices", platform);
    return dd__catalogue_skip(catalogue, "%s: its devices cannot be listed: %s (%d)", platform,
                              dd__cl_name(error), (int)error);
}

enum { MAX_PLATFORMS = 64, MAX_DEVICES = 256 };

static dd_status add_platform(dd__catalogue *catalogue, cl_platform_id platform, int number) {
    cl_device_id devices[MAX_DEVICES];
    cl_uint count = 0;
    char name[128];
    platform_text(platform, CL_PLATFORM_NAME, name, sizeof name);
    cl_int error = clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, MAX_DEVICES, devices, &count);
    if (error != CL_SUCCESS || count == 0) return no_devices(catalogue, name, error);
    for (cl_uint i = 0; i < count && i < MAX_DEVICES; i++) {
        dd__found found = describe(platform, devices[i]);
        found.info.platform_index = number;
        found.info.device_index = (int)i;
        DD_TRY(dd__catalogue_add(catalogue, &found));
    }
    return DD_OK;
}

dd_status dd__catalogue_fill(dd__catalogue *catalogue) {
    cl_platform_id platforms[MAX_PLATFORMS];
    cl_uint count = 0;
    *catalogue = (dd__catalogue){0};
    dd__opencl_starts();
    cl_int error = clGetPlatformIDs(MAX_PLATFORMS, platforms, &count);
    dd__opencl_has_started();
    dd_status status = DD_OK;
    if (error != CL_SUCCESS || count == 0)
        DD_TRY_OUT(dd__catalogue_skip(
            catalogue,
            "OpenCL: no runtime is installed (%s): install one, such as the package "
            "pocl-opencl-icd for processors; in a container, mount /etc/OpenCL/vendors",
            error == CL_SUCCESS ? "no platforms" : dd__cl_name(error)));
    for (cl_uint i = 0; error == CL_SUCCESS && i < count && i < MAX_PLATFORMS; i++)
        DD_TRY_OUT(add_platform(catalogue, platforms[i], (int)i));
    dd__found reference = dd__reference_device();
    DD_TRY_OUT(dd__catalogue_add(catalogue, &reference));
out:
    if (status != DD_OK) dd__catalogue_clear(catalogue);
    return status;
}

dd_status dd_device_list_create(dd_device_list **list) {
    dd__catalogue catalogue = {0};
    *list = NULL;
    DD_TRY(dd__opencl_started() ? dd__catalogue_fill(&catalogue) : dd__probe(&catalogue));
    dd_device_list *result = dd__alloc(1, sizeof *result);
    dd_device_info *devices = dd__alloc(catalogue.count, sizeof *devices);
    if (!result || !devices) {
        dd__free(result);
        dd__free(devices);
        dd__catalogue_clear(&catalogue);
        return dd__no_memory(catalogue.count * sizeof *devices);
    }
    size_t chosen = catalogue.count;
    if (dd__select(&catalogue, NULL, &chosen) != DD_OK) chosen = catalogue.count;
    for (size_t i = 0; i < catalogue.count; i++) {
        devices[i] = catalogue.found[i].info;
        devices[i].is_default = i == chosen;
    }
    *result =
        (dd_device_list){devices, catalogue.count, catalogue.skipped, catalogue.skipped_count};
    catalogue.skipped = NULL;
    catalogue.skipped_count = 0;
    dd__catalogue_clear(&catalogue);
    *list = result;
    return DD_OK;
}

void dd_device_list_free(dd_device_list *list) {
    if (!list) return;
    for (size_t i = 0; i < list->skipped_count; i++) dd__free(list->skipped[i]);
    dd__free(list->skipped);
    dd__free(list->devices);
    dd__free(list);
}
