/* step.h: the graphs of a training step and of a measuring step, and the examples they draw from.
 *
 * A step is one run of a plan; or, where its batch does not fit into memory, several of a plan for a
 * micro-batch, which add up gradients, and one of a plan that updates. All read the dataset from states "images" U8 (count, H, W, C) and "labels" I32 (count), advance
 * the state "step" (dd__step) themselves and add to the state "sums" f32 (4): summed loss, right
 * answers, examples. An epoch is therefore count / batch steps, without a word from the host.
 */
#ifndef DD_TRAIN_STEP_H
#define DD_TRAIN_STEP_H

#include "data/dataset.h"
#include "graph/attributes.h"
#include "model/model.h"
#include "plan/plan.h"
#include "train/distill.h"
#include "train/optimizer.h"

/* gather (shuffled, augmented), the network in its training form, fused for `device` (plan/fuse.h),
 * mean cross-entropy over the batch, gradients; then, for a whole batch, learning rate, update and
 * advance; for a micro-batch accumulate into the state "gradient_sums" and next_part. */
typedef struct dd__training {
    size_t count;   /* examples */
    uint32_t batch; /* of a step */
    uint32_t micro; /* of a run: a divisor of batch; 0: batch */
    uint64_t seed;
    const dd__optimizer *optimizer;
    dd__optimizer_settings settings;
    dd__learning_rate learning_rate;
    dd__augment augment;
    float average;   /* decay of the state "average", of the parameters; 0: there is none */
    float smoothing; /* of labels */
    dd__distill distill;
    const bool *frozen; /* as dd__model_build has them */
} dd__training;
dd_status dd__training_graph(const dd_model *model, const dd__training *training,
                             const dd_device *device, dd__graph **graph);
/* What runs before each of its runs, where there is a teacher: the same batch, the teacher in its inference form,
 * the output "targets" to which that state of the training graph is to be bound, and its "step" to this one. */
dd_status dd__teacher_graph(const dd_model *teacher, const dd__training *training,
                            const dd_device *device, dd__graph **graph);
/* What ends a step of micro-batches, whose graph is `part`: learning rate, update, advance. To be bound:
 * "parameters", "step", and "gradients" to the sums. */
dd_status dd__update_graph(const dd__training *training, const dd__graph *part, dd__graph **graph);
/* gather (in order), the network in its inference form, fused as well, cross-entropy, advance. */
dd_status dd__measuring_graph(const dd_model *model, size_t count, uint32_t batch,
                              const bool *frozen, const dd_device *device, dd__graph **graph);
/* gather (shuffled), the network with layers but batch norm in their inference form, next_part: after so
 * many runs as step.parts says, batch norm's running values are the mean over all of them. `frozen` must
 * hold all other layers (dd__all_but_batch_norm). No values are shared with other plans. */
dd_status dd__statistics_graph(const dd_model *model, size_t count, uint32_t batch,
                               const bool *frozen, dd__graph **graph);

/* The batch alone, from a dataset of `count` images of `image` (H, W, C): x f32 (batch, H, W, C), its
 * labels I32 (batch). */
dd_status dd__add_batch(dd__graph *graph, size_t count, const dd__dims *image,
                        const dd__gather *gather, dd__value **x, dd__value **labels);

/* DD_SHAPE  the images are not the network's, or a label is none of its classes;  DD_USAGE  no
 * labels */
dd_status dd__check_examples(const dd_model *model, const dd_dataset *data);

/* A dataset on a device, shared by plans through bindings. */
typedef struct dd__examples {
    dd__buffer *images, *labels;
    size_t count;
} dd__examples;
dd_status dd__examples_create(dd_device *device, const dd_model *model, const dd_dataset *data,
                              dd__examples *examples);
/* The same without a look at whether they fit a network; without labels, those are anything. */
dd_status dd__examples_upload(dd_device *device, const dd_dataset *data, dd__examples *examples);
void dd__examples_free(dd__examples *examples);

/* What has been added up since the sums were last set to zero. */
typedef struct dd__sums {
    float loss, hits, count, reserved;
} dd__sums;

/* Sets "step", and "sums": to zero where NULL. */
dd_status dd__set_step(dd__plan *plan, const dd__step *step, const dd__sums *sums);

/* DD_WRONG, with how many of them, where a number is not finite. `what`: "parameters". */
dd_status dd__check_finite(const float *numbers, size_t count, const char *what);
/* Between a model's tensors and the buffers of a plan whose graph was built from it. fetch leaves the
 * tensors as they were and gives DD_WRONG where a number on the device is not finite: the loss of a
 * step is from before its update, which may be the one that went wrong. */
dd_status dd__load_parameters(dd__plan *plan, const dd_model *model);
dd_status dd__fetch_parameters(dd__plan *plan, dd_model *model);
/* The same with the numbers of `from`'s state `name` in place of the parameters; they have their layout. */
dd_status dd__fetch_as_parameters(dd__plan *plan, dd__plan *from, const char *name,
                                  dd_model *model);

#endif
