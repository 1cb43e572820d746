/* program.c: the only way to a compiled program: from memory, from the disk cache, from source. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "device/opencl.h"

/* ---- Options --------------------------------------------------------------------------- */

static char *make_options(const dd_device *device, const char *options) {
    static const char form[] = "-cl-std=CL1.2 -cl-denorms-are-zero -DDD_FMA=%d -DDD_GROUP=%zu%s%s";
    size_t size = sizeof form + strlen(options) + 24;
    char *all = dd__alloc(size, 1);
    if (all)
        snprintf(all, size, form, device->info.has_fast_fma ? 1 : 0, device->group,
                 *options ? " " : "", options);
    return all;
}

/* ---- Building -------------------------------------------------------------------------- */

static char *build_log(const dd__program *program) {
    size_t size = 0;
    cl_device_id id = program->device->id;
    clGetProgramBuildInfo(program->program, id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
    char *log = dd__alloc(size + 1, 1);
    if (log && size)
        clGetProgramBuildInfo(program->program, id, CL_PROGRAM_BUILD_LOG, size, log, NULL);
    return log;
}

static cl_int build(dd__program *program, const char *extra) {
    char options[4096];
    snprintf(options, sizeof options, "%s%s", program->all_options, extra);
    return clBuildProgram(program->program, 1, &program->device->id, options, NULL, NULL);
}

static dd_status build_source(dd__program *program, const char *source) {
    dd_device *device = program->device;
    cl_int error;
    double start = dd__seconds();
    dd__log(DD_LOG_INFO, "building kernels: %s (%s)", program->name, program->shown);
    program->program = clCreateProgramWithSource(device->context, 1, &source, NULL, &error);
    if (error != CL_SUCCESS) return dd__cl_fail(device, error, "program %s", program->name);
    error = build(program, "");
    if (error != CL_SUCCESS) {
        char *log = build_log(program);
        error = build(program, " -cl-opt-disable");
        if (error != CL_SUCCESS) {
            dd_status status =
                dd__fail(DD_DEVICE, "%s (%s): program %s does not compile with \"%s\": %s (%d)\n%s",
                         device->info.name, device->info.platform, program->name, program->shown,
                         dd__cl_name(error), (int)error, log ? log : "");
            dd__free(log);
            return status;
        }
        dd__log(DD_LOG_WARNING, "%s: program %s compiles only with -cl-opt-disable and is slow: %s",
                device->info.name, program->name, log ? log : "");
        dd__free(log);
    }
    dd__log(DD_LOG_VERBOSE, "built %s in %.0f ms", program->name, (dd__seconds() - start) * 1e3);
    return DD_OK;
}

/* False when there is no binary, or the driver does not take it: then the source is built. */
static bool build_cached(dd__program *program) {
    dd_device *device = program->device;
    size_t size = 0;
    cl_int error, taken = CL_SUCCESS;
    char *binary = dd__program_cache_read(program->key, &size);
    if (!binary) return false;
    const unsigned char *bytes = (const unsigned char *)binary;
    program->program =
        clCreateProgramWithBinary(device->context, 1, &device->id, &size, &bytes, &taken, &error);
    if (error == CL_SUCCESS) error = taken;
    if (error == CL_SUCCESS) error = build(program, "");
    dd__free(binary);
    if (error == CL_SUCCESS) {
        dd__log(DD_LOG_VERBOSE, "kernels from the cache: %s (%s)", program->name, program->shown);
        return true;
    }
    dd__log(DD_LOG_VERBOSE, "%s: the driver refuses the cached binary: %s", program->name,
            dd__cl_name(error));
    if (program->program && !program->device->lost) clReleaseProgram(program->program);
    program->program = NULL;
    return false;
}

/* The key of the disk cache: all that decides the binary. */
static dd_status make_key(dd__program *program, const char *source) {
    const char *device = dd__device_key(program->device);
    size_t size = strlen(source) + strlen(program->all_options) + strlen(device) + 16;
    char *text = dd__alloc(size, 1);
    if (!text) return dd__no_memory(size);
    int length = snprintf(text, size, "%s\n%s\n%s", device, program->all_options, source);
    dd__hash_name(text, (size_t)length, program->key);
    dd__free(text);
    return DD_OK;
}

static dd_status obtain(dd__program *program, bool try_cache) {
    char *source = NULL;
    DD_TRY(dd__source_make(program->name, &source));
    dd_status status = make_key(program, source);
    if (status == DD_OK) {
        program->from_cache = try_cache && build_cached(program);
        if (!program->from_cache) status = build_source(program, source);
    }
    dd__free(source);
    return status;
}

/* ---- Linking --------------------------------------------------------------------------- */

static const char link_options[] = "-cl-std=CL1.2";

static dd_status link_failed(dd__program *program, const char *what, cl_int error) {
    char *log = program->program ? build_log(program) : NULL;
    dd_status status =
        dd__fail(DD_DEVICE, "%s (%s): program %s does not %s: %s (%d)\n%s",
                 program->device->info.name, program->device->info.platform, program->name, what,
                 dd__cl_name(error), (int)error, log ? log : "");
    dd__free(log);
    return status;
}

/* An object, compiled from `count` texts. */
static dd_status compile_object(dd__program *program, const char **texts, cl_uint count,
                                const char *options, cl_program *object) {
    dd_device *device = program->device;
    cl_int error;
    *object = clCreateProgramWithSource(device->context, count, texts, NULL, &error);
    if (error == CL_SUCCESS)
        error = clCompileProgram(*object, 1, &device->id, options, 0, NULL, NULL, NULL, NULL);
    program->program = *object; /* for its log */
    dd_status status = error == CL_SUCCESS ? DD_OK : link_failed(program, "compile", error);
    program->program = NULL;
    return status;
}

static dd_status compile_part(dd__program *program, const dd__part *part, cl_program *object) {
    char *source = NULL;
    DD_TRY(dd__source_make(part->program->name, &source));
    const char *texts[] = {part->prefix, source, part->suffix};
    dd_status status = compile_object(program, texts, 3, part->program->all_options, object);
    dd__free(source);
    return status;
}

static dd_status link_objects(dd__program *program, const char *prefix, const char *source,
                              const dd__part *parts, size_t count) {
    dd_device *device = program->device;
    dd_status status = DD_OK;
    cl_int error;
    cl_program *objects = dd__alloc(count + 1, sizeof *objects);
    if (!objects) return dd__no_memory((count + 1) * sizeof(cl_program));
    dd__log(DD_LOG_VERBOSE, "linking kernels: %s", program->name);
    const char *texts[] = {prefix, source};
    DD_TRY_OUT(compile_object(program, texts, 2, link_options, &objects[0]));
    for (size_t i = 0; i < count; i++)
        DD_TRY_OUT(compile_part(program, &parts[i], &objects[i + 1]));
    program->program = clLinkProgram(device->context, 1, &device->id, "", (cl_uint)count + 1,
                                     objects, NULL, NULL, &error);
    if (error != CL_SUCCESS) status = link_failed(program, "link", error);
out:
    for (size_t i = 0; i <= count; i++)
        if (objects[i]) clReleaseProgram(objects[i]);
    dd__free(objects);
    return status;
}

/* A hash of all that goes into it. */
static dd_status make_link_key(dd__program *program, const char *prefix, const char *source,
                               const dd__part *parts, size_t count) {
    size_t first = strlen(prefix) + strlen(source) + 1;
    char *text = dd__alloc(first, 1);
    if (text) snprintf(text, first, "%s%s", prefix, source);
    for (size_t i = 0; text && i < count; i++) {
        const char *own = parts[i].program->key; /* of its source, its options and the device */
        size_t size =
            strlen(text) + strlen(own) + strlen(parts[i].prefix) + strlen(parts[i].suffix) + 4;
        char *longer = dd__alloc(size, 1);
        if (longer) snprintf(longer, size, "%s%s%s%s", text, own, parts[i].prefix, parts[i].suffix);
        dd__free(text);
        text = longer;
    }
    if (!text) return dd__no_memory(first);
    dd_status status = make_key(program, text);
    dd__free(text);
    return status;
}

static void program_free(dd__program *program) {
    if (!program) return;
    if (program->program && !program->device->lost) clReleaseProgram(program->program);
    dd__free(program->name);
    dd__free(program->options);
    dd__free(program->all_options);
    dd__free(program);
}

/* Matrices given as options would fill a screen. */
static void shorten(const char *options, char *out, size_t size) {
    if ((size_t)snprintf(out, size, "%s", options) >= size) memcpy(out + size - 4, "...", 4);
}

/* Not compiled yet; takes all_options over. */
static dd_status program_new(dd_device *device, const char *name, const char *options,
                             char *all_options, dd__program **out) {
    dd__program *made = dd__alloc(1, sizeof *made);
    if (!made) {
        dd__free(all_options);
        return dd__no_memory(sizeof *made);
    }
    *made = (dd__program){.device = device,
                          .tried = device->trying_programs,
                          .name = dd__copy_string(name),
                          .options = dd__copy_string(options),
                          .all_options = all_options};
    if (!made->name || !made->options || !all_options) {
        program_free(made);
        return dd__no_memory(strlen(name) + strlen(options));
    }
    shorten(all_options, made->shown, sizeof made->shown);
    *out = made;
    return DD_OK;
}

/* In the device's list, if it is compiled; else it is freed. */
static dd_status keep(dd__program *made, dd_status status, double begun, dd__program **program) {
    dd_device *device = made->device;
    device->program_seconds += dd__seconds() - begun;
    if (status != DD_OK) {
        program_free(made);
        return status;
    }
    made->next = device->programs;
    device->programs = made;
    *program = made;
    return DD_OK;
}

dd_status dd__program_get(dd_device *device, const char *name, const char *options,
                          dd__program **program) {
    *program = NULL;
    if (!options) options = "";
    if (!device->id)
        return dd__fail(DD_USAGE, "program %s: the reference device runs no kernels", name);
    DD_TRY(dd__device_usable(device));
    for (dd__program *p = device->programs; p; p = p->next) {
        if (strcmp(p->name, name) != 0 || strcmp(p->options, options) != 0) continue;
        p->tried = p->tried && device->trying_programs;
        *program = p;
        return DD_OK;
    }
    dd__program *made;
    double begun = dd__seconds();
    DD_TRY(program_new(device, name, options, make_options(device, options), &made));
    return keep(made, obtain(made, true), begun, program);
}

static dd__program *find_linked(const dd__program *like) {
    for (dd__program *p = like->device->programs; p; p = p->next)
        if (strcmp(p->name, like->name) == 0 && strcmp(p->key, like->key) == 0) return p;
    return NULL;
}

/* *known: the program, when it is in the device's list already. */
static dd_status obtain_linked(dd__program *program, const char *prefix, const dd__part *parts,
                               size_t count, dd__program **known) {
    char *source = NULL;
    DD_TRY(dd__source_read(program->name, &source));
    dd_status status = make_link_key(program, prefix, source, parts, count);
    *known = status == DD_OK ? find_linked(program) : NULL;
    if (status == DD_OK && !*known) {
        program->from_cache = build_cached(program);
        if (!program->from_cache) status = link_objects(program, prefix, source, parts, count);
    }
    dd__free(source);
    return status;
}

dd_status dd__program_link(dd_device *device, const char *name, const char *prefix,
                           const dd__part *parts, size_t count, dd__program **program) {
    static const char no_option[] = "linked"; /* which no caller of dd__program_get asks for */
    dd__program *made, *known = NULL;
    double begun = dd__seconds();
    DD_TRY(program_new(device, name, no_option, dd__copy_string(link_options), &made));
    dd_status status = obtain_linked(made, prefix, parts, count, &known);
    if (!known) return keep(made, status, begun, program);
    program_free(made);
    *program = known;
    return DD_OK;
}

/* Programs are saved when the device is closed. Some drivers compile only when a kernel is made
 * (viennacl-dev#225), so not before there is one; and PoCL compiles every kernel once more to give
 * a binary, a second or more for a program, which nobody should wait for before the first result. */
static void save(dd__program *program) {
    size_t size = 0;
    if (clGetProgramInfo(program->program, CL_PROGRAM_BINARY_SIZES, sizeof size, &size, NULL) !=
            CL_SUCCESS ||
        size == 0)
        return;
    unsigned char *binary = dd__alloc(size, 1);
    if (!binary) return;
    if (clGetProgramInfo(program->program, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) ==
        CL_SUCCESS)
        dd__program_cache_write(program->key, binary, size);
    dd__free(binary);
}

void dd__device_try_programs(dd_device *device, bool trying) { device->trying_programs = trying; }

void dd__programs_free(dd_device *device) {
    bool keep = dd__cache_is_on() && !device->lost, told = false;
    while (device->programs) {
        dd__program *next = device->programs->next;
        if (keep && device->programs->has_kernel && !device->programs->from_cache &&
            !device->programs->tried) {
            if (!told) dd__log(DD_LOG_INFO, "keeping the compiled kernels for later runs");
            told = true;
            save(device->programs);
        }
        program_free(device->programs);
        device->programs = next;
    }
}

/* ---- Kernels ---------------------------------------------------------------------------- */

static dd_status make_kernel(dd__program *program, const char *name, cl_kernel *kernel) {
    cl_int error;
    *kernel = clCreateKernel(program->program, name, &error);
    if (error != CL_SUCCESS && program->from_cache) {
        dd__log(DD_LOG_VERBOSE, "%s: the cached binary gives no kernel %s: %s", program->name, name,
                dd__cl_name(error));
        clReleaseProgram(program->program);
        program->program = NULL;
        DD_TRY(obtain(program, false));
        *kernel = clCreateKernel(program->program, name, &error);
    }
    if (error != CL_SUCCESS)
        return dd__cl_fail(program->device, error, "kernel %s of program %s (%s)", name,
                           program->name, program->shown);
    program->has_kernel = true;
    return DD_OK;
}

/* Some drivers compile only here, so this is a part of what programs take. */
dd_status dd__program_kernel(dd__program *program, const char *name, cl_kernel *kernel) {
    double begun = dd__seconds();
    dd_status status = make_kernel(program, name, kernel);
    program->device->program_seconds += dd__seconds() - begun;
    return status;
}

double dd__device_program_seconds(const dd_device *device) { return device->program_seconds; }
