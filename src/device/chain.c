#include "device/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/steps.h"

/* ---- What is joined ----------------------------------------------------------------------- */

enum { ROW = 7 }; /* as in cl/chain.cl */

/* A launch's arguments lie in one stretch of the table: numbers, then where its buffers begin in the
 * whole buffers that the chain is given, of which there are few. */
typedef struct build {
    dd__recorder *recorder;
    dd__arena arena;
    dd__part *parts;          /* (part_count), a program's kernel each */
    const dd__launch **calls; /* (part_count), a launch of it */
    size_t part_count;
    size_t *part_of;            /* (steps) */
    const dd__buffer **buffers; /* (buffer_count) whole ones */
    size_t buffer_count;
    int32_t *table; /* as in cl/chain.cl */
    size_t table_size;
    const char *prefix;
} build;

static size_t count_buffers(const dd__launch *launch) {
    size_t count = 0;
    for (size_t i = 0; i < DD__MAX_ARGUMENTS && launch->arguments[i].kind; i++)
        count += launch->arguments[i].kind == DD__ARGUMENT_BUFFER;
    return count;
}

static size_t count_arguments(const dd__launch *launch) {
    size_t count = 0;
    while (count < DD__MAX_ARGUMENTS && launch->arguments[count].kind) count++;
    return count;
}

/* What it is a part of, and where in that, in numbers. */
static const dd__buffer *whole_of(const dd__buffer *buffer, size_t *place) {
    for (*place = 0; buffer->parent; buffer = buffer->parent) *place += buffer->offset;
    *place /= sizeof(int32_t);
    return buffer;
}

static size_t find_buffer(build *b, const dd__buffer *part) {
    size_t place;
    const dd__buffer *buffer = whole_of(part, &place);
    for (size_t i = 0; i < b->buffer_count; i++)
        if (b->buffers[i] == buffer) return i;
    b->buffers[b->buffer_count] = buffer;
    return b->buffer_count++;
}

static dd_status check_step(const dd__step *step) {
    if (step->kind != DD__STEP_KERNEL) return dd__fail(DD_USAGE, "a call is no launch");
    for (size_t i = 0; i < DD__MAX_ARGUMENTS && step->launch.arguments[i].kind; i++) {
        const dd__argument *a = &step->launch.arguments[i];
        size_t place = 0;
        if (a->kind == DD__ARGUMENT_BUFFER) whole_of(a->as.buffer, &place);
        if (place > INT32_MAX)
            return dd__fail(DD_USAGE, "%s: a buffer lies too far in a larger one", step->name);
    }
    if (step->has_local && step->local[1] == 1 && step->local[2] == 1) return DD_OK;
    return dd__fail(DD_USAGE, "%s: its work-groups have rows", step->name);
}

/* ---- Texts -------------------------------------------------------------------------------- */

#define ITEM_TYPE "typedef struct { int id[3], size[3]; } ChainItem;"

/* Before a part's own text: its kernels become functions with a ChainItem in front. */
static void write_prefix(FILE *out, const char *kernels) {
    char name[128];
    fprintf(out, ITEM_TYPE
            "\n"
            "#define __attribute__(x)\n#define __kernel static\n#define kernel static\n"
            "#undef inline\n#define inline static inline\n"
            "#define get_global_id(d) item.id[d]\n#define get_global_size(d) item.size[d]\n");
    for (const char *at = kernels; *at; at += strcspn(at, ";"), at += *at == ';') {
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at, ";"), at);
        fprintf(out, "#define %s(...) chained_%s(const ChainItem item, __VA_ARGS__)\n", name, name);
    }
}

/* Function number `part`: item, numbers, buffers. */
static void write_signature(FILE *out, size_t part, const dd__launch *launch) {
    size_t buffers = count_buffers(launch);
    fprintf(out, "void chain_part_%zu(const ChainItem item, __global const int *numbers", part);
    for (size_t i = 0; i < buffers; i++) fprintf(out, ", __global void *b%zu", i);
    fprintf(out, ")");
}

/* Behind it: the function that hands the arguments on. Numbers come from memory, lest shapes are
 * constants that the compiler unrolls loops for. */
static void write_suffix(FILE *out, size_t part, const dd__launch *launch) {
    size_t buffer = 0, number = 0;
    write_signature(out, part, launch);
    fprintf(out, " {\n#undef %s\n    chained_%s(item", launch->kernel, launch->kernel);
    for (size_t i = 0; i < DD__MAX_ARGUMENTS && launch->arguments[i].kind; i++) {
        switch (launch->arguments[i].kind) {
        case DD__ARGUMENT_BUFFER:
            fprintf(out, ", b%zu", buffer++);
            break;
        case DD__ARGUMENT_FLOAT:
            fprintf(out, ", as_float(numbers[%zu])", number++);
            break;
        default:
            fprintf(out, ", numbers[%zu]", number++);
        }
    }
    fprintf(out, ");\n}\n");
}

static void write_cases(FILE *out, build *b) {
    fprintf(out, "#define CASES");
    for (size_t s = 0; s < b->recorder->count; s++) {
        const dd__launch *launch = &b->recorder->steps[s].launch;
        size_t place = count_arguments(launch) - count_buffers(launch);
        fprintf(out, " case %zu: chain_part_%zu(item, numbers", s, b->part_of[s]);
        for (size_t i = 0; i < DD__MAX_ARGUMENTS && launch->arguments[i].kind; i++)
            if (launch->arguments[i].kind == DD__ARGUMENT_BUFFER)
                fprintf(out, ", b%zu + numbers[%zu]",
                        find_buffer(b, launch->arguments[i].as.buffer), place++);
        fprintf(out, "); break;");
    }
    fprintf(out, "\n");
}

/* What stands before cl/chain.cl. */
static void write_chain(FILE *out, build *b) {
    write_cases(out, b);
    fprintf(out, "#define ITEM_TYPE " ITEM_TYPE "\n#define FUNCTIONS");
    for (size_t p = 0; p < b->part_count; p++) {
        fprintf(out, " ");
        write_signature(out, p, b->calls[p]);
        fprintf(out, ";");
    }
    fprintf(out, "\n#define BUFFERS");
    for (size_t i = 0; i < b->buffer_count; i++)
        fprintf(out, "%s __global int *b%zu", i ? "," : "", i);
    fprintf(out, "\n");
}

/* The kernels of the step's program, with ';' between them. */
static dd_status kernels_of(const dd__step *step, char *names, size_t size) {
    cl_int error =
        clGetProgramInfo(step->program->program, CL_PROGRAM_KERNEL_NAMES, size - 1, names, NULL);
    return error == CL_SUCCESS ? DD_OK
                               : dd__cl_fail(step->program->device, error, "names of kernels");
}

/* A text that is written to `out`; the caller frees it. */
typedef struct text {
    char *bytes;
    size_t size;
    FILE *out;
} text;

static dd_status text_open(text *t) {
    *t = (text){0};
    t->out = open_memstream(&t->bytes, &t->size);
    return t->out ? DD_OK : dd__no_memory(4096);
}

/* Into the arena. */
static dd_status text_close(text *t, dd__arena *arena, const char **kept) {
    bool whole = fclose(t->out) == 0;
    *kept = whole ? dd__arena_print(arena, "%s", t->bytes) : NULL;
    free(t->bytes);
    return *kept ? DD_OK : dd__no_memory(t->size);
}

static dd_status add_part(build *b, const dd__step *step, size_t *number) {
    dd__part *part = &b->parts[b->part_count];
    char kernels[1024] = "";
    text prefix, suffix;
    for (*number = 0; *number < b->part_count; ++*number)
        if (b->parts[*number].program == step->program &&
            strcmp(b->calls[*number]->kernel, step->launch.kernel) == 0)
            return DD_OK;
    part->program = step->program;
    b->calls[b->part_count] = &step->launch;
    DD_TRY(kernels_of(step, kernels, sizeof kernels));
    DD_TRY(text_open(&prefix));
    write_prefix(prefix.out, kernels);
    DD_TRY(text_close(&prefix, &b->arena, &part->prefix));
    DD_TRY(text_open(&suffix));
    write_suffix(suffix.out, b->part_count++, &step->launch);
    return text_close(&suffix, &b->arena, &part->suffix);
}

static dd_status write_sources(build *b) {
    text chain;
    for (size_t s = 0; s < b->recorder->count; s++)
        DD_TRY(add_part(b, &b->recorder->steps[s], &b->part_of[s]));
    DD_TRY(text_open(&chain));
    write_chain(chain.out, b);
    return text_close(&chain, &b->arena, &b->prefix);
}

/* ---- The table ---------------------------------------------------------------------------- */

static void fill_row(build *b, size_t s, int32_t *tasks) {
    const dd__step *step = &b->recorder->steps[s];
    int32_t *row = b->table + 1 + ROW * s, count = 1;
    for (int d = 0; d < 3; d++) {
        row[2 + d] = (int32_t)step->global[d];
        count *= (int32_t)(step->global[d] / step->local[d]);
    }
    row[0] = *tasks;
    row[1] = *tasks += count;
    row[5] = (int32_t)step->local[0];
    row[6] = (int32_t)b->table_size;
    size_t arguments = count_arguments(&step->launch);
    int32_t *number = b->table + b->table_size;
    int32_t *place = number + arguments - count_buffers(&step->launch);
    for (size_t i = 0; i < arguments; i++) {
        const dd__argument *a = &step->launch.arguments[i];
        size_t from = 0;
        if (a->kind == DD__ARGUMENT_BUFFER) {
            whole_of(a->as.buffer, &from);
            *place++ = (int32_t)from;
        } else { /* the bits of a float; both members are of 4 bytes */
            memcpy(number++, &a->as, sizeof *number);
        }
    }
    b->table_size += arguments;
}

static dd_status prepare(build *b) {
    size_t steps = b->recorder->count;
    size_t room = 1 + steps * (ROW + DD__MAX_ARGUMENTS);
    b->parts = dd__arena_alloc(&b->arena, steps, sizeof *b->parts);
    b->calls = dd__arena_alloc(&b->arena, steps, sizeof *b->calls);
    b->part_of = dd__arena_alloc(&b->arena, steps, sizeof *b->part_of);
    b->buffers = dd__arena_alloc(&b->arena, steps * DD__MAX_ARGUMENTS, sizeof *b->buffers);
    b->table = dd__arena_alloc(&b->arena, room, sizeof *b->table);
    if (!b->parts || !b->calls || !b->part_of || !b->buffers || !b->table)
        return dd__no_memory(room);
    b->table_size = 1 + ROW * steps;
    for (size_t s = 0; s < steps; s++) {
        DD_TRY(check_step(&b->recorder->steps[s]));
        fill_row(b, s, &b->table[0]);
    }
    return DD_OK;
}

/* ---- The launch --------------------------------------------------------------------------- */

static dd_status check_device(const dd_device *device) {
    cl_bool linker = CL_FALSE;
    clGetDeviceInfo(device->id, CL_DEVICE_LINKER_AVAILABLE, sizeof linker, &linker, NULL);
    if (device->info.type != DD_DEVICE_CPU || device->class != DD_CLASS_CPU)
        return dd__fail(DD_DEVICE, "the device is no processor");
    return linker ? DD_OK : dd__fail(DD_DEVICE, "the device has no linker");
}

static dd_status check_arguments(const build *b) {
    const dd_device *device = b->recorder->device;
    size_t most = 0, bytes = (b->buffer_count + 2) * sizeof(void *);
    clGetDeviceInfo(device->id, CL_DEVICE_MAX_PARAMETER_SIZE, sizeof most, &most, NULL);
    if (bytes <= most) return DD_OK;
    return dd__fail(DD_DEVICE, "%zu bytes of arguments, the device takes %zu", bytes, most);
}

static dd_status make_buffers(const build *b, dd__chain *chain) {
    enum { COUNTERS = 48 };
    dd_device *device = b->recorder->device;
    size_t bytes = b->table_size * sizeof *b->table;
    DD_TRY(dd__buffer_create(device, COUNTERS * sizeof(int32_t), &chain->counters));
    DD_TRY(dd__buffer_create(device, bytes, &chain->table));
    DD_TRY(dd__buffer_zero(chain->counters));
    return dd__buffer_write(chain->table, 0, b->table, bytes);
}

static dd_status make_step(build *b, dd__chain *chain) {
    dd_device *device = b->recorder->device;
    dd__program *program;
    dd__step *step = &chain->step;
    DD_TRY(dd__program_link(device, "chain", b->prefix, b->parts, b->part_count, &program));
    DD_TRY(dd__program_kernel(program, "chain", &step->kernel));
    step->name = "chain";
    step->dimensions = 1;
    step->has_local = true;
    for (int d = 0; d < 3; d++) step->global[d] = step->local[d] = 1;
    step->global[0] = device->info.compute_units;
    cl_int error = CL_SUCCESS;
    for (cl_uint i = 0; i < b->buffer_count + 2 && error == CL_SUCCESS; i++) {
        const dd__buffer *buffer = i == 0   ? chain->counters
                                   : i == 1 ? chain->table
                                            : b->buffers[i - 2];
        error = clSetKernelArg(step->kernel, i, sizeof(cl_mem), &buffer->memory);
    }
    return error == CL_SUCCESS ? DD_OK : dd__cl_fail(device, error, "arguments of a chain");
}

void dd__recorder_unchain(dd__recorder *recorder) {
    dd__chain *chain = recorder->chain;
    if (!chain) return;
    recorder->chain = NULL;
    if (chain->step.kernel && !recorder->device->lost) clReleaseKernel(chain->step.kernel);
    dd__buffer_free(chain->counters);
    dd__buffer_free(chain->table);
    dd__free(chain);
}

dd_status dd__recorder_chain(dd__recorder *recorder) {
    build b = {.recorder = recorder};
    if (recorder->chain) return DD_OK;
    if (!recorder->device->id || recorder->count == 0)
        return dd__fail(DD_USAGE, "there are no launches to join");
    DD_TRY(check_device(recorder->device));
    recorder->chain = dd__alloc(1, sizeof *recorder->chain);
    if (!recorder->chain) return dd__no_memory(sizeof *recorder->chain);
    dd_status status = prepare(&b);
    if (status == DD_OK) status = write_sources(&b);
    if (status == DD_OK) status = check_arguments(&b);
    if (status == DD_OK) status = make_buffers(&b, recorder->chain);
    if (status == DD_OK) status = make_step(&b, recorder->chain);
    if (status != DD_OK) dd__recorder_unchain(recorder);
    dd__arena_free(&b.arena);
    return status;
}
