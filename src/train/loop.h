/* loop.h: a training under way, shared by what runs it (loop.c, plans.c, epoch.c), what it keeps (keep.c)
 * and what it goes on from (checkpoint.c).
 */
#ifndef DD_TRAIN_LOOP_H
#define DD_TRAIN_LOOP_H

#include "train/options.h"
#include "train/step.h"

/* Where a training stands: with the tensors of the plan, all that it needs to go on. */
typedef struct dd__standing {
    uint32_t position; /* steps done in the epoch under way, number done + 1 */
    dd__sums sums;     /* of these */
    double spent;      /* seconds in this epoch */
    double trained;    /* seconds in finished epochs */
    dd__schedule_state schedule;
    double best_loss; /* of validation; infinity before the first epoch */
    unsigned best_epoch;
    double kept_loss, kept_accuracy; /* of validation, of the weights that are kept; or NaN */
    dd_epoch *history;               /* (done), with space for options.epochs */
    size_t done;
} dd__standing;

typedef struct dd__loop {
    dd__settled settled;
    dd_device *device;
    dd_model *model;    /* the caller's: the weights that are kept */
    dd_model *last;     /* those of the last epoch, where the best are kept; else NULL */
    dd_model *teacher;  /* NULL: labels are all there is to learn from */
    dd_model *averaged; /* those of the last epoch on average, with their statistics; else NULL */
    const dd_dataset *data;            /* to train on */
    bool *frozen;                      /* (layers) those that are not trained; NULL: all are */
    char *command;                     /* that began the run; NULL without */
    char hash[33];                     /* of all examples */
    char initial[33];                  /* of the initial weights; "" when they come from the seed */
    char taught[33];                   /* of the teacher's weights; "" without one */
    dd__examples training, validation; /* validation.count is 0 without */
    uint32_t batch, steps;             /* images of a step, steps of an epoch */
    uint32_t
        micro; /* images at a time: a divisor of batch; before dd__plans_fit what is asked for */
    dd__plan
        *teach; /* runs before each run of plan, which shares its step; NULL without a teacher */
    dd__plan *plan;   /* a batch or, with `update`, a micro-batch */
    dd__plan *update; /* shares plan's parameters and gradients; NULL: plan updates itself */
    dd__plan
        *measure; /* shares plan's parameters, but for averaged ones; NULL without validation */
    dd__plan
        *statistics; /* gives batch norm's to averaged parameters; NULL: there is none to give */
    dd__standing at;
    double saved; /* when the last checkpoint was written */
    struct {
        size_t done;
        uint32_t position;
    } last_saved; /* where it stands, as in `at` */
} dd__loop;

/* ---- plans.c ------------------------------------------------------------------------------ */

/* Lowers `micro` (0: any number) to the largest divisor of the batch with which all plans fit beside the
 * examples; says so where that is not all of them.
 * DD_MEMORY  not even one image does */
dd_status dd__plans_fit(dd__loop *loop);
/* Makes them, with the model's weights. */
dd_status dd__plans_make(dd__loop *loop);
void dd__plans_free(dd__loop *loop);
/* Enqueues one step. */
dd_status dd__plans_step(dd__loop *loop);
/* The plan that has the state of this name. */
dd__plan *dd__plans_holder(const dd__loop *loop, const char *state);

/* ---- average.c ---------------------------------------------------------------------------- */

/* What takes batch norm's running values anew, `micro` images at a time; NULL where there is none. */
dd_status dd__average_graph(const dd__loop *loop, uint32_t micro, dd__graph **graph);
/* Makes loop->averaged, and the plan that it needs. */
dd_status dd__average_prepare(dd__loop *loop);
/* loop->averaged becomes the average of the parameters so far, with batch norm's running values anew:
 * those of training are of other parameters, and of augmented images. DD_WRONG where not finite */
dd_status dd__average_take(dd__loop *loop);

/* ---- epoch.c ------------------------------------------------------------------------------ */

/* Runs the rest of the epoch under way, measures, and adds it to the history.
 * DD_INTERRUPTED  between two steps: `at` says where
 * DD_WRONG        a loss is no longer finite */
dd_status dd__epoch_run(dd__loop *loop);

/* ---- keep.c -------------------------------------------------------------------------------- */

/* After an epoch: takes the weights that are worth it, writes models, checkpoint and records. */
dd_status dd__keep_epoch(dd__loop *loop);
/* history.csv and run.json. */
dd_status dd__keep_records(const dd__loop *loop, const char *outcome);
/* Before a new run: removes what another left in the folder, the checkpoint first, and writes the
 * records. */
dd_status dd__keep_begin(const dd__loop *loop);
/* A run that ends before its time keeps what it has: after an interruption all, else the records; where
 * the device failed, the message names the checkpoint. Returns `reason`, or why what there is could not
 * be saved. */
dd_status dd__keep_stopped(dd__loop *loop, dd_status reason);

/* ---- checkpoint.c ---------------------------------------------------------------------------- */

/* In the output. */
#define DD__CHECKPOINT_FOLDER "checkpoint"
#define DD__CHECKPOINT        "checkpoint/state.safetensors"

/* Writes it. Nothing without an output.
 * DD_WRONG  a number is not finite: the checkpoint before it stays */
dd_status dd__checkpoint_save(dd__loop *loop);
/* Sets `micro` to what the run has had, as an unbroken one would have; unless it is not what the run was
 * begun with, but asked for now. Fails as below. */
dd_status dd__checkpoint_micro(dd__loop *loop);
/* Reads it into the plans and `at`, and the kept weights into the model.
 * DD_IO     there is none
 * DD_USAGE  it is of another network, other data or other options */
dd_status dd__checkpoint_load(dd__loop *loop);

#endif
