/* run.h: run.json, a training's own record. */
#ifndef DD_TRAIN_RUN_H
#define DD_TRAIN_RUN_H

#include "train/loop.h"

/* Writes output/run.json: everything needed to repeat the run, and how it went. */
dd_status dd__run_write(const dd__loop *loop, const char *outcome);

#endif
