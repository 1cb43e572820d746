/* folds.h: cross-validation: as many trainings as there are parts of the data, each validated on its part. */
#ifndef DD_CLI_FOLDS_H
#define DD_CLI_FOLDS_H

#include "cli/training.h"

/* `train --folds`: runs in OUTPUT/fold-1 and so on, then mean and standard deviation (of the sample) of what they
 * have on validation, in OUTPUT/folds.json and on standard output. Folds that are finished are not done again. */
dd_status cli_folds_run(const cli_call *call, const cli_train_settings *set);

#endif
