/* contest.h: two ways to compute one node, compared on the spot: first their results, then their
 * times, in turns, because what else a machine does comes and goes.
 */
#ifndef DD_RUN_CONTEST_H
#define DD_RUN_CONTEST_H

#include "check/check.h"
#include "tune/choice.h"

typedef struct dd__entrant { /* a node alone in a plan */
    dd_device *device;
    dd__choice choice;
    dd__case_graph built; /* the graph is the plan's */
    dd__plan *plan;       /* NULL: there is none */
    double first_seconds; /* of the first run, in which drivers may still compile */
    double seconds;       /* of a run, by the last contest; 0 before */
} dd__entrant;

/* Compiles the case's node with the choice, fills its inputs and runs it once. The entrant must be
 * freed after a failure too. */
dd_status dd__entrant_make(dd_device *device, const dd__case *c, const dd__choice *choice,
                           dd__entrant *entrant);
void dd__entrant_free(dd__entrant *entrant);

/* DD_OK when the outputs of two entrants of one case are the same but for rounding: at the full
 * size, which the reference would take too long for. */
dd_status dd__entrants_agree(const dd__entrant *found, const dd__entrant *expected);

/* Sets `seconds` of both: the least of a few batches of runs each, in turns. The challenger wins when
 * that is more than 3 % less and most of its batches were faster than the champion's of the same
 * round; one that is much slower is given up early. Without a champion (plan NULL) it wins alone. */
dd_status dd__contest(dd__entrant *champion, dd__entrant *challenger, bool *won);

#endif
