/* plan.h: a graph compiled for one device: storage planned, implementations chosen, launches
 * recorded. Running a training step, an inference batch or a benchmark is running a plan.
 */
#ifndef DD_PLAN_PLAN_H
#define DD_PLAN_PLAN_H

#include "device/recorder.h"
#include "graph/graph.h"

/* A value whose bytes live in a buffer that already exists: another plan's parameters, or
 * a dataset. */
typedef struct dd__binding {
    const char *name;   /* of an input, parameter stretch, statistic stretch or state */
    dd__buffer *buffer; /* at least as large as the value; outlives the plan */
} dd__binding;

typedef struct dd__plan dd__plan;

/* Takes the graph over: it is freed with the plan, or at once on failure. States that are not bound
 * start as zeros; parameters and statistics that are not bound start as their `initial` says, from
 * graph->seed.
 * DD_DEVICE   a kernel does not build
 * DD_MEMORY   it does not fit (dd__device_fits): sizes are named, nothing was allocated
 * DD_USAGE    a forced implementation refuses: the message has its reason */
dd_status dd__plan_create(dd_device *device, dd__graph *graph, const dd__binding *bindings,
                          size_t binding_count, dd__plan **plan);
/* What the buffers of a plan of `graph` would take, beside those that are bound; of bindings only the
 * names count. Allocates nothing on the device. The graph stays the caller's. */
dd_status dd__plan_need(dd_device *device, dd__graph *graph, const dd__binding *bindings,
                        size_t binding_count, dd__need *need);
/* DD_MEMORY  as dd__plan_create, of which it is the first step: worth asking before what takes long */
dd_status dd__plan_fits(dd_device *device, dd__graph *graph, const dd__binding *bindings,
                        size_t binding_count);
void dd__plan_free(dd__plan *plan);
const dd__graph *dd__plan_graph(const dd__plan *plan);
/* Which implementation computes node i of the graph. NULL for views. */
const dd__implementation *dd__plan_implementation(const dd__plan *plan, size_t i);

/* Of a run, where ops count theirs: a multiply and an add are two. */
double dd__plan_flop(const dd__plan *plan);

/* Enqueues every launch in order; does not wait. Launches that depend on parameters alone run when
 * the plan is first run and after dd__plan_parameters_changed. */
dd_status dd__plan_run(dd__plan *plan);
void dd__plan_parameters_changed(dd__plan *plan);

/* From now on all launches are one (device/chain.h), for plans so small that starting their launches is
 * most of the time; nothing else changes. Checked: a run gives what the launches gave, byte by byte.
 * Writes to the graph's inputs. Takes a second or two, or some ms when the program is in the cache.
 * DD_USAGE   the graph changes parameters or states
 * DD_DEVICE  the device cannot, or gives something else: the launches stay as they were */
dd_status dd__plan_chain(dd__plan *plan);

/* The buffer of a named value, for bindings of other plans. NULL: no such value. */
dd__buffer *dd__plan_buffer(const dd__plan *plan, const char *name);
/* Blocking copies of a named value's elements; bytes must be the value's or less.
 * DD_USAGE  no value of that name */
dd_status dd__plan_write(dd__plan *plan, const char *name, const void *from, size_t bytes);
dd_status dd__plan_read(dd__plan *plan, const char *name, void *to, size_t bytes);
/* A copy that does not wait: `from` must stay as it is until the next dd__plan_read is done. */
dd_status dd__plan_send(dd__plan *plan, const char *name, const void *from, size_t bytes);

/* Runs once, timing each node: rows (node_count of the graph) are added to, index by node. */
typedef struct dd__node_time {
    double seconds;
    unsigned launches;
} dd__node_time;
dd_status dd__plan_profile(dd__plan *plan, dd__node_time *times);

#endif
