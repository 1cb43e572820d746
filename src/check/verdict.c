/* What a device computed rightly is remembered; what it did not, is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/memory.h"
#include "check/check.h"
#include "device/kernels.h"
#include "ops/ops.h"
#include "plan/choose.h"
#include "tune/choice.h"

enum { MOST_VERDICT_BYTES = 1 << 20, MOST_KERNEL_BYTES = 1 << 22 };

/* ---- What a verdict is about ----------------------------------------------------- */

/* Adds the name of the text's hash to `key`, which has room. */
static void add_text(char *key, const char *text, size_t size) {
    dd__hash_name(text, size, key + strlen(key));
}

/* The kernel that a device would build: from the folder that replaces the embedded sources while
 * kernels are worked on, else the embedded one. */
static dd_status add_kernel(char *key, const dd__kernel_source *source) {
    const char *folder = getenv("DEEPDIGITS_CL_DIR");
    char path[4096], file[128], *text = NULL;
    size_t size = 0;
    snprintf(file, sizeof file, "%s.cl", source->name);
    if (folder && *folder) {
        DD_TRY(dd__path_join(path, sizeof path, folder, file));
        if (dd__is_file(path)) DD_TRY(dd__file_read(path, MOST_KERNEL_BYTES, &text, &size));
    }
    if (text)
        add_text(key, text, size);
    else
        add_text(key, source->text, strlen(source->text));
    dd__free(text);
    return DD_OK;
}

/* A verification under way. */
typedef struct verification {
    dd_device *device;
    char *key;       /* names device, driver, library, class of kernels and every kernel's text */
    char path[4200]; /* of the verdicts; "" when there is no cache */
    char name[33];   /* the key's hash */
    char *verdicts;  /* lines: the file's, then those found here */
    bool told;       /* that kernels are being checked */
} verification;

static dd_status make_key(verification *v) {
    const char *about = dd__device_key(v->device);
    size_t kernels = 0;
    while (dd__kernel_sources[kernels].name) kernels++;
    size_t size = strlen(about) + 32 * kernels + 32;
    v->key = dd__alloc(size, 1);
    if (!v->key) return dd__no_memory(size);
    snprintf(v->key, size, "%s class %d ", about, (int)dd__device_class(v->device));
    for (size_t i = 0; i < kernels; i++) DD_TRY(add_kernel(v->key, &dd__kernel_sources[i]));
    return DD_OK;
}

/* ---- Where verdicts are kept: lines "<hash of the key> <op> <choice> <what>" ---- */

static dd_status verdict_path(char *path, size_t size) {
    char folder[4096];
    DD_TRY(dd__cache_folder(folder, sizeof folder));
    DD_TRY(dd__folder_make(folder));
    return dd__path_join(path, size, folder, "selftest.txt");
}

enum { VERDICT_LINE = 384 };
/* The line of one that passed: of an op's cases, or of one node's. */
static void verdict_line(const verification *v, const char *op, const char *choice,
                         const char *what, char line[VERDICT_LINE]) {
    snprintf(line, VERDICT_LINE, "%s %s %s %s\n", v->name, op, choice, what);
}

/* One short write to a file opened for appending: lines of several processes do not mix. A cache
 * that cannot be written costs a check each time, and nothing else. */
static void remember(const verification *v, const char *line) {
    if (!*v->path) return;
    FILE *file = fopen(v->path, "a");
    bool written = file && fputs(line, file) >= 0;
    if (file) written = fclose(file) == 0 && written;
    if (!written) dd__log(DD_LOG_WARNING, "%s: the self-test's verdict could not be kept", v->path);
}

/* Adds the line to the verdicts at hand. */
static dd_status note(verification *v, const char *line) {
    size_t used = strlen(v->verdicts), more = strlen(line) + 1;
    char *larger = dd__resize(v->verdicts, used + more, 1);
    if (!larger) return dd__no_memory(used + more);
    memcpy(larger + used, line, more);
    v->verdicts = larger;
    return DD_OK;
}

static dd_status start(verification *v) {
    size_t size;
    DD_TRY(make_key(v));
    dd__hash_name(v->key, strlen(v->key), v->name);
    if (!dd__cache_is_on() || verdict_path(v->path, sizeof v->path) != DD_OK) *v->path = 0;
    if (*v->path && dd__is_file(v->path) &&
        dd__file_read(v->path, MOST_VERDICT_BYTES, &v->verdicts, &size) == DD_OK)
        return DD_OK;
    v->verdicts = dd__copy_string("");
    return v->verdicts ? DD_OK : dd__no_memory(1);
}

/* ---- The verdict ----------------------------------------------------------------- */

static dd_status refuse(dd_status status, const dd_device_info *info) {
    return dd__fail(status,
                    "device \"%s\" (platform \"%s\", driver %s) does not compute rightly: %s. "
                    "Choose another device, or set DEEPDIGITS_SELFTEST=off to use it all the same",
                    info->name, info->platform, info->driver, dd_message());
}

static dd_status check_case(const verification *v, const dd__case *c, const char *choice,
                            size_t *passed) {
    dd_status status = dd__check_forward(v->device, c, choice, NULL);
    if (status == DD_USAGE) return DD_OK; /* not made for this case */
    dd__within(status, "%s, implementation \"%s\", case \"%s\"", c->op, choice, c->name);
    if (status == DD_MEMORY) return status;
    if (status != DD_OK) return refuse(status, dd_device_describe(v->device));
    ++*passed;
    return DD_OK;
}

/* With what the node has in half precision, which other nodes of its op need not. */
static dd_status check_cases(const verification *v, const dd__node *node, const char *choice,
                             size_t *passed) {
    const dd__case *c;
    for (size_t i = 0; (c = dd__case_at(i)) != NULL; i++) {
        if (!c->quick || strcmp(c->op, node->op->name) != 0) continue;
        dd__case own = *c;
        own.half = dd__node_half(node);
        DD_TRY(check_case(v, &own, choice, passed));
    }
    return DD_OK;
}

static dd_status verify_node(verification *v, dd__node *node) {
    const dd__implementation *chosen;
    dd__node_case own;
    char line[VERDICT_LINE], text[DD__CHOICE_TEXT], cases[24] = "cases";
    unsigned half = dd__node_half(node);
    if (half) snprintf(cases, sizeof cases, "cases,half=%x", half);
    bool by_node = dd__node_case_make(node, &own);
    DD_TRY(dd__choose(v->device, node, &chosen));
    dd__choice choice = dd__choice_of(node, chosen);
    dd__choice_print(&choice, text);
    verdict_line(v, node->op->name, text, by_node ? own.name : cases, line);
    if (strstr(v->verdicts, line)) return DD_OK;
    if (!v->told)
        dd__log(DD_LOG_INFO, "%s is new here: building and checking kernels, once",
                dd_device_describe(v->device)->name);
    v->told = true;
    size_t passed = 0;
    if (by_node)
        DD_TRY(check_case(v, &own.c, text, &passed));
    else
        DD_TRY(check_cases(v, node, text, &passed));
    if (passed) remember(v, line);
    return note(v, line); /* stands for other nodes of the same kind */
}

/* A misspelt op would be forced without effect. */
static dd_status check_forced_ops(const dd_device *device) {
    const char *op;
    for (size_t i = 0; (op = dd__device_forced_op(device, i)) != NULL; i++)
        if (!dd__op_find(op))
            return dd__fail(DD_USAGE, "an implementation is forced for \"%s\": there is no such op",
                            op);
    return DD_OK;
}

dd_status dd__verify(dd_device *device, const dd__graph *graph) {
    DD_TRY(check_forced_ops(device));
    if (dd__device_is_trusted(device)) return DD_OK;
    verification v = {.device = device};
    dd_status status = start(&v);
    for (size_t n = 0; status == DD_OK && n < graph->node_count; n++)
        if (graph->nodes[n]->op->implementations) status = verify_node(&v, graph->nodes[n]);
    dd__free(v.verdicts);
    dd__free(v.key);
    return status;
}

dd_status dd__verified_plan(dd_device *device, dd__graph *graph, const dd__binding *bindings,
                            size_t binding_count, dd__plan **plan) {
    dd_status status = dd__plan_fits(device, graph, bindings, binding_count);
    if (status == DD_OK) status = dd__verify(device, graph);
    if (status == DD_OK) return dd__plan_create(device, graph, bindings, binding_count, plan);
    dd__graph_free(graph);
    return status;
}
