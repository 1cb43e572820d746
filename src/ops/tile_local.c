#include "ops/tile_local.h"

#include <stdio.h>

#include "ops/launch.h"
#include "ops/tile.h"

/* ---- What is usual ------------------------------------------------------------------------ */

enum { BLOCK = 4 };
/* Work-groups a compute unit that keep a GPU busy; numbers of k that are worth a slice. */
enum { GROUPS_A_UNIT = 2, SMALLEST_SLICE = 64, MOST_SLICES = 64 };

dd__extent dd__extent_of(const dd__node *node) {
    const dd__dims *y = &node->out[0]->dims;
    dd__extent e = {.n = y->rank ? y->d[y->rank - 1] : 1};
    e.m = (int64_t)dd__dims_count(y) / e.n;
    e.k = (int64_t)(node->op->flop(node) / 2 / (double)(e.m * e.n));
    return e;
}

static bool is_gpu(const dd_device *device) {
    return dd_device_describe(device)->type == DD_DEVICE_GPU;
}

static int32_t item_limit(const dd_device *device) { return (int32_t)dd__device_group(device); }

/* Whether tiles of 8 x 8 numbers an item still give every compute unit its groups. On CPUs, where
 * compiling costs more than small tiles save, there is one form for all. */
static bool is_large(const dd__node *node, const dd_device *device) {
    dd__extent e = dd__extent_of(node);
    int64_t tile = (int64_t)item_limit(device) * 8 * 8;
    return !is_gpu(device) || e.m * e.n / tile >= GROUPS_A_UNIT * (int64_t)dd__threads(device);
}

int32_t dd__local_usual_columns(const dd__node *node, const dd_device *device) {
    return is_large(node, device) && (!is_gpu(device) || dd__extent_of(node).n > 64) ? 2 : 1;
}

/* As many items as the columns need, 16 at most. */
int32_t dd__local_usual_width(const dd__node *node, const dd_device *device) {
    int64_t n = dd__extent_of(node).n;
    int32_t width = n > 32 || !is_gpu(device) ? 16 : n > 16 ? 8 : 4;
    while (width > 4 && width * width / 2 > item_limit(device)) width /= 2;
    return width;
}

static int32_t setting(const dd__node *node, const dd_device *device, const dd__local_form *form,
                       size_t i) {
    return dd__setting(node, device, form->tunables, i);
}

int32_t dd__local_usual_height(const dd__node *node, const dd_device *device) {
    int32_t height = 1, width = setting(node, device, &dd__local_f32, DD__LOCAL_WIDTH);
    while (height < 16 && 2 * height * width <= item_limit(device)) height *= 2;
    return height;
}

int32_t dd__local_usual_rows(const dd__node *node, const dd_device *device) {
    return is_large(node, device) ? 2 : 1;
}

/* Panels of 16 numbers are read as whole lines of memory; large tiles' would leave no room for a
 * second group. */
int32_t dd__local_usual_depth(const dd__node *node, const dd_device *device) {
    const dd__local_form *form = &dd__local_f32;
    return setting(node, device, form, DD__LOCAL_ROWS) *
                       setting(node, device, form, DD__LOCAL_COLUMNS) >
                   2
               ? 8
               : 16;
}

static int64_t missing_slices(const dd__extent *e, const dd_device *device, int64_t rows,
                              int64_t columns) {
    int64_t groups = ((e->m + rows - 1) / rows) * ((e->n + columns - 1) / columns);
    return GROUPS_A_UNIT * (int64_t)dd__threads(device) / groups;
}

/* The largest power of two that leaves each slice long enough. */
static int32_t slices_that_pay(const dd__extent *e) {
    int32_t slices = 1;
    while (slices < MOST_SLICES && e->k / (slices * 2) >= SMALLEST_SLICE) slices *= 2;
    return slices;
}

bool dd__local_fills(const dd__node *node, const dd_device *device, int32_t rows, int32_t columns) {
    dd__extent e = dd__extent_of(node);
    return missing_slices(&e, device, rows, columns) <= slices_that_pay(&e);
}

int32_t dd__local_slices_of(const dd__node *node, const dd_device *device,
                            const dd__local_form *form) {
    dd__extent e = dd__extent_of(node);
    dd__local_tile t = dd__local_tile_of(node, device, form);
    int64_t missing = missing_slices(&e, device, t.rows, t.columns);
    int32_t slices = 1, most = slices_that_pay(&e);
    while (slices < most && slices * 2 <= missing) slices *= 2; /* also what the tuner leaves out */
    return slices;
}

int32_t dd__local_usual_slices(const dd__node *node, const dd_device *device) {
    return dd__local_slices_of(node, device, &dd__local_f32);
}

const dd__tunable dd__local_tunables[] = {DD__LOCAL_TUNABLES, {0}};
const dd__local_form dd__local_f32 = {
    .format = DD_PRECISION_F32, .tunables = dd__local_tunables, .least_height = 1};

/* In the same tiles. */
const dd__local_form dd__local_f16 = {
    .format = DD_PRECISION_F16, .tunables = dd__local_tunables, .least_height = 1};

/* ---- The tile ----------------------------------------------------------------------------- */

static bool is_matrix(const dd__local_form *form) {
    return form->format == DD_PRECISION_TF32 || form->format == DD_PRECISION_BF16;
}

/* The options of programs of that form; NULL: the device has no such products. */
static const char *form_options(const dd_device *device, const dd__local_form *form) {
    if (is_matrix(form)) return dd__device_matrix(device, form->format);
    if (form->format == DD_PRECISION_F32) return "";
    return dd__device_computes_half(device) ? "-DHALF_PRODUCTS" : NULL;
}

static dd__local_tile make_tile(const dd__node *node, const dd_device *device,
                                const dd__local_form *form, int32_t height) {
    int32_t rows = setting(node, device, form, DD__LOCAL_ROWS);
    int32_t columns = setting(node, device, form, DD__LOCAL_COLUMNS);
    const char *own = form_options(device, form);
    dd__local_tile t = {.width = setting(node, device, form, DD__LOCAL_WIDTH),
                        .height = height,
                        .depth = setting(node, device, form, DD__LOCAL_DEPTH)};
    t.rows = t.height * rows * BLOCK;
    t.columns = t.width * columns * BLOCK;
    snprintf(t.options, sizeof t.options,
             "-DVW=4 -DGX=%d -DGY=%d -DMV=%d -DNV=%d -DDEPTH=%d -DON_GPU=%d%s%s", t.width, t.height,
             rows, columns, t.depth, is_gpu(device), own && *own ? " " : "", own ? own : "");
    return t;
}

dd__local_tile dd__local_tile_of(const dd__node *node, const dd_device *device,
                                 const dd__local_form *form) {
    return make_tile(node, device, form, setting(node, device, form, DD__LOCAL_HEIGHT));
}

static size_t local_bytes(const dd__local_tile *t, const dd__local_form *form) {
    if (is_matrix(form)) return dd__matrix_local_bytes(t, form);
    return 2 * (form->format == DD_PRECISION_F16 ? sizeof(uint16_t) : sizeof(float)) *
           (size_t)t->depth * (size_t)(t->rows + t->columns + 2 * BLOCK);
}

/* In training none is. */
static bool has_half_factor(const dd__node *node) {
    return (dd__node_half(node) & (DD__HALF_IN(0) | DD__HALF_IN(1))) != 0;
}

const char *dd__local_refuse(const dd__node *node, const dd_device *device,
                             const dd__local_form *form) {
    if (form->format == DD_PRECISION_F16 && !has_half_factor(node))
        return "neither factor is in half precision";
    if (form->format > dd__device_precision(device)) return "factors may not be rounded so far";
    if (!form_options(device, form))
        return is_matrix(form) ? "the device has no such matrix units"
                               : "the device does not compute in half precision";
    dd__local_tile t = dd__local_tile_of(node, device, form);
    int32_t items = t.width * t.height;
    if ((size_t)items > dd__device_group_limit(device)) return "the group has too many work-items";
    if (local_bytes(&t, form) > dd_device_describe(device)->local_memory_bytes)
        return "its panels do not fit into local memory";
    bool shared = t.rows * t.depth >= items && t.columns * t.depth >= items;
    return shared ? NULL : "a panel has fewer numbers than the group work-items";
}

/* ---- A product ---------------------------------------------------------------------------- */

int32_t dd__local_slices(const dd__node *node, const dd_device *device, const dd__local_form *form,
                         const dd__product *p) {
    int32_t slices = setting(node, device, form, DD__LOCAL_SLICES);
    int32_t most = dd__divide_up(p->k, setting(node, device, form, DD__LOCAL_DEPTH));
    return slices < most ? slices : most;
}

size_t dd__local_slice_bytes(const dd__node *node, const dd_device *device,
                             const dd__local_form *form, const dd__product *p) {
    size_t slices = (size_t)dd__local_slices(node, device, form, p);
    return slices > 1 ? sizeof(float) * slices * (size_t)p->m * (size_t)p->row : 0;
}

void dd__append_finish(dd__launch *launch, const dd__finish *finish, dd__buffer *other) {
    dd__launch_append(launch, DD_INT(finish->bias != NULL));
    dd__launch_append(launch, DD_INT(finish->relu));
    dd__launch_append(launch, DD_INT(finish->norm != NULL));
    dd__launch_append(launch, DD_FLOAT(finish->epsilon));
    dd__launch_append(launch, DD_INT(finish->added != NULL));
    dd__launch_append(launch, DD_INT(finish->limit));
    dd__launch_append(launch, DD_FLOAT(finish->low));
    dd__launch_append(launch, DD_FLOAT(finish->high));
    dd__launch_append(launch, DD_BUFFER(finish->bias ? finish->bias->buffer : other));
    for (size_t i = 0; i < 4; i++)
        dd__launch_append(launch, DD_BUFFER(finish->norm ? finish->norm[i]->buffer : other));
    dd__launch_append(launch, DD_BUFFER(finish->added ? finish->added->buffer : other));
}

static void print_options(const dd__local_tile *t, const dd__local_launch *l, int32_t slices,
                          char out[256]) {
    snprintf(out, 256, "%s%s%s", t->options, l->options, slices > 1 ? " -DSLICED" : "");
}

/* The tile that is set, or the next smaller one whose group the device takes: how many registers the
 * kernel needs, and so how many items fit, is known only when it is compiled. */
static dd_status fit_tile(const dd__node *node, const dd_device *device, const dd__local_launch *l,
                          int32_t slices, dd__local_tile *t) {
    char options[256];
    bool fits = false;
    const dd__local_form *form = l->form;
    for (int32_t height = setting(node, device, form, DD__LOCAL_HEIGHT); !fits; height /= 2) {
        *t = make_tile(node, device, form, height);
        print_options(t, l, slices, options);
        const dd__launch launch = {.program = l->program,
                                   .options = options,
                                   .kernel = "multiply",
                                   .local = {(size_t)t->width, (size_t)t->height, 1}};
        DD_TRY(dd__kernel_fits(device, &launch, &fits));
        if (!fits && height <= form->least_height)
            return dd__fail(DD_DEVICE, "program %s: not even a group of %d work-items fits",
                            l->program, t->width * height);
    }
    return DD_OK;
}

dd_status dd__local_record_slices(dd__recorder *recorder, const dd__node *node,
                                  const dd_device *device, const dd__local_launch *l,
                                  int32_t slices, dd__buffer *to) {
    const dd__product *p = &l->product;
    dd__local_tile t;
    DD_TRY(fit_tile(node, device, l, slices, &t));
    const int32_t slice = dd__divide_up(dd__divide_up(p->k, slices), t.depth) * t.depth;
    const int32_t numbers[] = {p->m, p->n, p->k, slice, slices};
    int32_t tiles = dd__divide_up(p->m, t.rows) * dd__divide_up(p->n, t.columns);
    char options[256];
    print_options(&t, l, slices, options);
    dd__launch launch = {
        .program = l->program,
        .options = options,
        .kernel = "multiply",
        .global = {(size_t)(tiles * t.width), (size_t)t.height, (size_t)(slices * p->count)},
        .local = {(size_t)t.width, (size_t)t.height, 1},
        .arguments = {DD_BUFFER(l->left), DD_BUFFER(l->right), DD_BUFFER(to)}};
    dd__append_finish(&launch, &l->finish, l->right);
    for (size_t i = 0; i < DD_COUNT(numbers); i++) dd__launch_append(&launch, DD_INT(numbers[i]));
    for (size_t i = 0; i < l->number_count; i++) dd__launch_append(&launch, DD_INT(l->numbers[i]));
    return dd__record(recorder, &launch);
}

static dd_status record_sum(dd__recorder *recorder, const dd__node *node, const dd_device *device,
                            const dd__local_launch *l, int32_t slices, dd__buffer *parts) {
    const dd__product *p = &l->product;
    dd__local_tile t;
    DD_TRY(fit_tile(node, device, l, slices, &t)); /* its program is there already */
    char options[256];
    dd__launch launch = {.program = l->program,
                         .kernel = "add_slices",
                         .arguments = {DD_BUFFER(parts), DD_BUFFER(l->y)}};
    dd__append_finish(&launch, &l->finish, parts);
    dd__launch_append(&launch, DD_INT(slices));
    dd__launch_append(&launch, DD_INT(p->m));
    dd__launch_append(&launch, DD_INT(p->row));
    dd__launch_elements(&launch, device,
                        (size_t)(p->m / p->places) * (size_t)dd__divide_up(p->row, BLOCK));
    print_options(&t, l, slices, options);
    launch.options = options;
    return dd__record(recorder, &launch);
}

dd_status dd__local_record(dd__recorder *recorder, const dd__node *node, const dd__site *site,
                           const dd__local_launch *l) {
    int32_t slices = dd__local_slices(node, site->device, l->form, &l->product);
    dd__buffer *to = slices > 1 ? site->workspace[0] : l->y;
    DD_TRY(dd__local_record_slices(recorder, node, site->device, l, slices, to));
    if (slices == 1) return DD_OK;
    return record_sum(recorder, node, site->device, l, slices, to);
}
