/* schedule.h: the learning rate over a training.
 *
 * Two parts make it: a base rate that the host sets at the start of an epoch, from what earlier
 * epochs brought (plateau, step), and a share of it that follows from the number of the step alone,
 * which the node learning_rate computes on the device (warm-up, cosine, one-cycle).
 */
#ifndef DD_TRAIN_SCHEDULE_H
#define DD_TRAIN_SCHEDULE_H

#include "graph/attributes.h"
#include "train/settings.h"

typedef struct dd__schedule_kind dd__schedule_kind;

typedef struct dd__schedule {
    const dd__schedule_kind *kind;
    float factor, threshold, floor; /* floor: a rate */
    float rise, start, end;         /* shares: of all steps, of the rate, of the rate */
    float warm_up;                  /* epochs */
    int32_t patience, every;        /* epochs */
} dd__schedule;

/* What changes with the epochs; a checkpoint holds it. */
typedef struct dd__schedule_state {
    double rate;   /* of the coming epoch: the base */
    double best;   /* loss; infinity before the first epoch */
    double waited; /* epochs since */
} dd__schedule_state;

/* Reads "plateau:patience=5"; NULL: "plateau". DD_USAGE lists what there is. */
dd_status dd__schedule_parse(const char *text, dd__schedule *schedule);
/* All of its settings, as dd__schedule_parse reads them. */
void dd__schedule_print(const dd__schedule *schedule, char out[DD__SETTINGS_TEXT]);

/* Attributes of the node learning_rate for a training of this many epochs and steps an epoch, whose
 * full rate is `rate`. */
dd__learning_rate dd__schedule_node(const dd__schedule *schedule, double rate, uint32_t epochs,
                                    uint32_t steps);
dd__schedule_state dd__schedule_start(double rate);
/* After epoch number `epoch`, from 1, whose validation loss (or loss) was `loss`. */
void dd__schedule_epoch(const dd__schedule *schedule, unsigned epoch, double loss,
                        dd__schedule_state *state);

#endif
