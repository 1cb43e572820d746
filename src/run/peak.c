/* peak.c: what a device reaches at best: the two lines of a roofline (Williams, Waterman, Patterson:
 * "Roofline: an insightful visual performance model for multicore architectures", 2009). */
#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"
#include "ops/lanes.h"
#include "ops/launch.h"

/* The best of many short runs: what else the machine does hits some of them only. */
static const double budget = 0.14, one_run = 0.004; /* seconds */

static dd_status timed_run(dd_device *device, dd__recorder *recorder, double *seconds) {
    double begun = dd__seconds();
    DD_TRY(dd__recorder_run(recorder));
    DD_TRY(dd__device_finish(device));
    *seconds = dd__seconds() - begun;
    return DD_OK;
}

/* The shortest of the runs that begin within `most` seconds, at least one. The first run does not
 * count: drivers compile in it, and memory is touched. */
static dd_status fastest_run(dd_device *device, const dd__launch *launch, double most,
                             double *seconds) {
    dd__recorder *recorder = NULL;
    dd_status status = DD_OK;
    double now;
    DD_TRY(dd__recorder_create(device, &recorder));
    DD_TRY_OUT(dd__record(recorder, launch));
    DD_TRY_OUT(timed_run(device, recorder, &now));
    double begun = dd__seconds();
    *seconds = INFINITY;
    do {
        DD_TRY_OUT(timed_run(device, recorder, &now));
        *seconds = fmin(*seconds, now);
    } while (dd__seconds() - begun < most);
    if (!(*seconds > 0)) status = dd__fail(DD_DEVICE, "a kernel that takes no time");
out:
    dd__recorder_free(recorder);
    return status;
}

/* Both kernels are built as one program. */
enum { CHAINS = 12 };
static unsigned lanes_of(const dd_device *device) { return dd__lanes(device, 16); }
static void print_options(const dd_device *device, char options[64]) {
    snprintf(options, 64, "-DVW=%u -DCHAINS=%d", lanes_of(device), (int)CHAINS);
}

/* ---- Arithmetic --------------------------------------------------------------------------- */

enum { FIRST_ROUNDS = 2048, MOST_ROUNDS = 1 << 24 };

typedef struct arithmetic {
    unsigned lanes;   /* floats a vector */
    size_t items;     /* work-items */
    dd__buffer *sums; /* f32 (items) */
} arithmetic;

/* Sixteen groups a compute unit: as many as the schedulers of CPU runtimes level out, and enough to
 * fill a GPU's. */
static size_t count_groups(const dd_device *device) {
    size_t units = dd_device_describe(device)->compute_units;
    return 16 * (units ? units : 1);
}

static size_t group_size(const dd_device *device) {
    dd__launch launch = {0};
    if (dd__device_class(device) == DD_CLASS_CPU) return 1;
    dd__launch_elements(&launch, device, 1);
    return launch.local[0];
}

static dd__launch launch_arithmetic(const dd_device *device, const arithmetic *a, int rounds,
                                    const char *options) {
    return (dd__launch){
        .program = "peak",
        .options = options,
        .kernel = "multiply_add",
        .global = {a->items, 1, 1},
        .local = {group_size(device), 1, 1},
        .arguments = {DD_BUFFER(a->sums), DD_FLOAT(0.5), DD_FLOAT(0.5), DD_INT(rounds)}};
}

static dd_status check_sums(const arithmetic *a) {
    double expected = (double)CHAINS * a->lanes;
    dd_status status = DD_OK;
    float *sums = dd__alloc(a->items, sizeof *sums);
    if (!sums) return dd__no_memory(a->items * sizeof *sums);
    DD_TRY_OUT(dd__buffer_read(a->sums, 0, sums, a->items * sizeof *sums));
    for (size_t i = 0; i < a->items && status == DD_OK; i++)
        if (!(fabs((double)sums[i] - expected) <= 1e-3))
            status = dd__fail(DD_WRONG,
                              "the multiply-adds that a device's peak is measured with: expected "
                              "%g, found %g",
                              expected, (double)sums[i]);
out:
    dd__free(sums);
    return status;
}

/* A short run tells how many rounds take the time that a run shall. */
static dd_status measure_arithmetic(dd_device *device, const arithmetic *a, double *gflops) {
    char options[64];
    double seconds;
    print_options(device, options);
    dd__launch launch = launch_arithmetic(device, a, FIRST_ROUNDS, options);
    DD_TRY(fastest_run(device, &launch, 0, &seconds));
    int rounds = (int)fmin(MOST_ROUNDS, fmax(1, one_run / seconds) * FIRST_ROUNDS);
    launch = launch_arithmetic(device, a, rounds, options);
    DD_TRY(fastest_run(device, &launch, budget, &seconds));
    DD_TRY(check_sums(a));
    *gflops = 1e-9 * 2 * CHAINS * a->lanes * (double)rounds * (double)a->items / seconds;
    return DD_OK;
}

dd_status dd_peak_gflops(dd_device *device, double *gflops) {
    *gflops = 0;
    if (dd__device_is_reference(device)) return DD_OK;
    arithmetic a = {.lanes = lanes_of(device), .items = count_groups(device) * group_size(device)};
    DD_TRY(dd__buffer_create(device, a.items * sizeof(float), &a.sums));
    dd_status status = measure_arithmetic(device, &a, gflops);
    dd__buffer_free(a.sums);
    return status;
}

/* ---- Memory ------------------------------------------------------------------------------- */

enum { ARRAYS = 3 };

typedef struct memory {
    size_t count;              /* floats of each array, a multiple of 16 */
    dd__buffer *array[ARRAYS]; /* f32 (count): b, c, a */
} memory;

static dd_status measure_memory(dd_device *device, const memory *m, double *gbytes) {
    char options[64];
    double seconds;
    dd__launch launch = {.program = "peak",
                         .arguments = {DD_BUFFER(m->array[0]), DD_BUFFER(m->array[1]),
                                       DD_BUFFER(m->array[2]), DD_FLOAT(3), DD_INT(m->count)}};
    if (dd__device_class(device) == DD_CLASS_CPU) {
        launch.kernel = "triad_vector";
        size_t chunk = dd__launch_chunks(&launch, device, m->count, 1, 16);
        dd__launch_append(&launch, DD_INT(chunk));
    } else {
        launch.kernel = "triad";
        dd__launch_elements(&launch, device, m->count);
    }
    print_options(device, options);
    launch.options = options;
    DD_TRY(fastest_run(device, &launch, budget, &seconds));
    *gbytes = 1e-9 * ARRAYS * (double)m->count * sizeof(float) / seconds;
    return DD_OK;
}

/* At most a sixteenth of the device's memory for all three. */
static size_t count_floats(const dd_device *device) {
    const dd_device_info *info = dd_device_describe(device);
    size_t bytes = (info->type == DD_DEVICE_GPU ? (size_t)128 : (size_t)32) << 20;
    if (info->memory_bytes && bytes > info->memory_bytes / (16 * ARRAYS))
        bytes = (size_t)(info->memory_bytes / (16 * ARRAYS));
    return bytes / 64 * (64 / sizeof(float));
}

dd_status dd_peak_gbytes(dd_device *device, double *gbytes) {
    dd_status status = DD_OK;
    memory m = {.count = 0};
    *gbytes = 0;
    if (dd__device_is_reference(device)) return DD_OK;
    m.count = count_floats(device);
    for (int i = 0; i < ARRAYS; i++) {
        DD_TRY_OUT(dd__buffer_create(device, m.count * sizeof(float), &m.array[i]));
        DD_TRY_OUT(dd__buffer_zero(m.array[i])); /* pages that were never written are one page */
    }
    DD_TRY_OUT(measure_memory(device, &m, gbytes));
out:
    for (int i = 0; i < ARRAYS; i++) dd__buffer_free(m.array[i]);
    return status;
}
