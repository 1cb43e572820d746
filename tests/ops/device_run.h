/* device_run.h: a node computed by one implementation on an OpenCL device, without a plan. */
#ifndef TESTS_OPS_DEVICE_RUN_H
#define TESTS_OPS_DEVICE_RUN_H

#include "ops/host.h"

/* As host_open, on $DEEPDIGITS_DEVICE or the default device; skips the test when there is none. */
static inline void device_open(host *h) {
    if (dd_device_open(NULL, NULL, &h->device) != DD_OK) skip();
    if (dd__device_is_reference(h->device)) {
        dd_device_close(h->device);
        skip();
    }
    assert_int_equal(dd__graph_create(true, 1, &h->graph), DD_OK);
}

/* Computes node number i by `implementation`; false when that refuses it. Scratch must be small. */
static inline bool device_run(host *h, size_t i, const dd__implementation *implementation) {
    const dd__node *node = h->graph->nodes[i];
    if (implementation->refuse && implementation->refuse(node, h->device)) return false;
    for (size_t k = 0; k < node->out_count; k++)
        if (!node->out[k]->buffer)
            assert_int_equal(
                dd__buffer_create(h->device, dd__value_bytes(node->out[k]), &node->out[k]->buffer),
                DD_OK);
    dd__site site = {.device = h->device};
    assert_int_equal(dd__buffer_create(h->device, 1 << 20, &site.workspace[0]), DD_OK);
    dd__recorder *recorder;
    assert_int_equal(dd__recorder_create(h->device, &recorder), DD_OK);
    assert_int_equal(implementation->record(recorder, node, &site), DD_OK);
    assert_int_equal(dd__recorder_run(recorder), DD_OK);
    assert_int_equal(dd__device_finish(h->device), DD_OK);
    dd__recorder_free(recorder);
    dd__buffer_free(site.workspace[0]);
    return true;
}

static inline void device_read(const dd__value *value, void *to) {
    assert_int_equal(dd__buffer_read(value->buffer, 0, to, dd__value_bytes(value)), DD_OK);
}

#endif
