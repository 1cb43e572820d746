/* host.h: nodes computed by their reference, for tests of what ops mean. */
#ifndef TESTS_OPS_HOST_H
#define TESTS_OPS_HOST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ops/ops.h"

/* A graph whose values live on the reference device, each in a buffer of its own. */
typedef struct host {
    dd_device *device;
    dd__graph *graph;
} host;

static inline void host_open(host *h) {
    assert_int_equal(dd_device_open("reference", NULL, &h->device), DD_OK);
    assert_int_equal(dd__graph_create(true, 1, &h->graph), DD_OK);
}

static inline void host_close(host *h) {
    for (size_t i = 0; i < h->graph->value_count; i++)
        if (!h->graph->values[i]->base) dd__buffer_free(h->graph->values[i]->buffer);
    dd__graph_free(h->graph);
    dd_device_close(h->device);
}

/* A new input with these elements; NULL: zeros. */
static inline dd__value *host_input(host *h, const char *name, dd__type type, dd__dims dims,
                                    const void *elements) {
    dd__value *value;
    assert_int_equal(dd__graph_input(h->graph, name, type, dims, &value), DD_OK);
    size_t bytes = dd__value_bytes(value);
    assert_int_equal(dd__buffer_create(h->device, bytes, &value->buffer), DD_OK);
    assert_int_equal(dd__buffer_zero(value->buffer), DD_OK);
    if (elements) assert_int_equal(dd__buffer_write(value->buffer, 0, elements, bytes), DD_OK);
    return value;
}

/* Computes node number i of the graph. */
static inline void host_run(host *h, size_t i) {
    const dd__node *node = h->graph->nodes[i];
    for (size_t k = 0; k < node->out_count; k++)
        if (!node->out[k]->buffer)
            assert_int_equal(
                dd__buffer_create(h->device, dd__value_bytes(node->out[k]), &node->out[k]->buffer),
                DD_OK);
    assert_int_equal(node->op->reference(node), DD_OK);
}

static inline void *host_data(const dd__value *value) { return dd__buffer_host(value->buffer); }

#endif
