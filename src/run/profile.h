/* profile.h: a plan's time, node by node. */
#ifndef DD_RUN_PROFILE_H
#define DD_RUN_PROFILE_H

#include "plan/plan.h"

/* Runs the plan a few times, timing each node, and fills result->nodes; dd_bench_result_clear frees
 * them, after a failure too. */
dd_status dd__profile(dd__plan *plan, dd_bench_result *result);

#endif
