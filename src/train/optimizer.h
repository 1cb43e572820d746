/* optimizer.h: the optimizers, each a row: its name, its own learning rate, the nodes it adds. */
#ifndef DD_TRAIN_OPTIMIZER_H
#define DD_TRAIN_OPTIMIZER_H

#include "graph/graph.h"

typedef struct dd__optimizer_settings {
    float momentum;     /* of sgd; 0: none */
    float weight_decay; /* decoupled; 0: none */
} dd__optimizer_settings;

typedef struct dd__optimizer {
    const char *name;
    float learning_rate; /* where none is given */
    dd__optimizer_settings settings;
    /* Adds the nodes that change graph->parameters by `gradients`, a flat stretch like it. */
    dd_status (*add)(dd__graph *, const dd__optimizer_settings *, dd__value *gradients);
} dd__optimizer;

/* NULL means adam. DD_USAGE lists the names. */
dd_status dd__optimizer_find(const char *name, const dd__optimizer **optimizer);

/* What the caller asked for where it did, the row's own values elsewhere. DD_USAGE for numbers that
 * make no sense: negative rates, momentum of 1 or more. */
dd_status dd__optimizer_settle(const dd__optimizer *optimizer, const dd_train_options *options,
                               dd__optimizer_settings *settings, float *learning_rate);

/* Adds decoupled weight decay (where there is any), then the update. */
dd_status dd__optimizer_add(const dd__optimizer *optimizer, dd__graph *graph,
                            const dd__optimizer_settings *settings, dd__value *gradients);

#endif
