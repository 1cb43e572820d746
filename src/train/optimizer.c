#include "train/optimizer.h"

#include <math.h>
#include <string.h>

#include "ops/ops.h"

static dd_status add_sgd(dd__graph *graph, const dd__optimizer_settings *settings,
                         dd__value *gradients) {
    dd__value *step, *moment = NULL;
    DD_TRY(dd__graph_step(graph, &step));
    if (settings->momentum > 0)
        DD_TRY(dd__graph_state(graph, "moment1", DD__F32, graph->parameters->dims, &moment));
    dd__sgd sgd = {.momentum = settings->momentum};
    dd__value *in[] = {graph->parameters, gradients, moment, step};
    return dd__graph_add(graph, &dd__op_sgd, "sgd", &sgd, in, 4, NULL, 0);
}

static dd_status add_adam(dd__graph *graph, const dd__optimizer_settings *settings,
                          dd__value *gradients) {
    (void)settings;
    dd__value *step, *m, *v;
    DD_TRY(dd__graph_step(graph, &step));
    DD_TRY(dd__graph_state(graph, "moment1", DD__F32, graph->parameters->dims, &m));
    DD_TRY(dd__graph_state(graph, "moment2", DD__F32, graph->parameters->dims, &v));
    dd__value *in[] = {graph->parameters, gradients, m, v, step};
    return dd__graph_add(graph, &dd__op_adam, "adam", NULL, in, 5, NULL, 0);
}

static const dd__optimizer optimizers[] = {
    {"adam", 1e-3f, {0, 0}, add_adam},
    {"adamw", 1e-3f, {0, 0.01f}, add_adam},
    {"sgd", 1e-2f, {0.9f, 0}, add_sgd},
};

dd_status dd__optimizer_find(const char *name, const dd__optimizer **optimizer) {
    *optimizer = &optimizers[0];
    if (!name) return DD_OK;
    for (size_t i = 0; i < DD_COUNT(optimizers); i++) {
        *optimizer = &optimizers[i];
        if (strcmp(optimizers[i].name, name) == 0) return DD_OK;
    }
    return dd__fail(DD_USAGE, "there is no optimizer \"%s\"; there are adam, adamw and sgd", name);
}

dd_status dd__optimizer_settle(const dd__optimizer *optimizer, const dd_train_options *options,
                               dd__optimizer_settings *settings, float *learning_rate) {
    if (!isfinite(options->learning_rate) || options->learning_rate < 0)
        return dd__fail(DD_USAGE, "the learning rate must be a positive number, found %g",
                        options->learning_rate);
    if (!isfinite(options->momentum) || (float)options->momentum >= 1)
        return dd__fail(DD_USAGE, "the momentum must be below 1, found %g", options->momentum);
    if (!isfinite(options->weight_decay) || options->weight_decay < 0)
        return dd__fail(DD_USAGE, "the weight decay must not be negative, found %g",
                        options->weight_decay);
    if (options->weight_decay > 0 && strcmp(optimizer->name, "adam") == 0)
        return dd__fail(DD_USAGE, "adam has no weight decay; adamw does");
    *settings = optimizer->settings;
    if (options->momentum > 0) settings->momentum = (float)options->momentum;
    if (options->momentum < 0) settings->momentum = 0;
    if (options->weight_decay > 0) settings->weight_decay = (float)options->weight_decay;
    *learning_rate =
        options->learning_rate > 0 ? (float)options->learning_rate : optimizer->learning_rate;
    return DD_OK;
}

static dd_status add_decay(dd__graph *graph, float decay) {
    dd__value *step;
    DD_TRY(dd__graph_step(graph, &step));
    dd__weight_decay attributes = {.decay = decay};
    for (size_t i = 0; i < graph->value_count; i++) {
        dd__value *value = graph->values[i];
        if (value->role == DD__PARAMETER && value->decays)
            DD_TRY(dd__graph_add(graph, &dd__op_weight_decay, value->name, &attributes,
                                 (dd__value *[]){value, step}, 2, NULL, 0));
    }
    return DD_OK;
}

dd_status dd__optimizer_add(const dd__optimizer *optimizer, dd__graph *graph,
                            const dd__optimizer_settings *settings, dd__value *gradients) {
    if (settings->weight_decay > 0) DD_TRY(add_decay(graph, settings->weight_decay));
    return optimizer->add(graph, settings, gradients);
}
