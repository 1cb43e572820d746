/* search.h: the search for a node's fastest implementation and settings, in stages: first the
 * implementations with their own defaults, then each tunable of the best one in turn, the others
 * kept (coordinate descent): a full product would take hours for what this finds in seconds.
 *
 * A candidate is judged against the reference on a small batch, then against the best so far at full
 * size, and only then timed (run/contest.h). What is best in the end must win once more against the
 * default, lest noise decide.
 */
#ifndef DD_RUN_SEARCH_H
#define DD_RUN_SEARCH_H

#include "tune/tuning.h"

typedef struct dd__tuner {
    dd_device *device;
    double ends;                /* dd__seconds() then */
    dd_tune_function *function; /* NULL: nobody listens */
    void *context;
    size_t measured; /* candidates so far */
} dd__tuner;

/* Whether there is a choice, and a way to judge it. */
bool dd__worth_tuning(const dd_device *device, const dd__node *node);
/* Whether all stages were done. */
bool dd__search_is_complete(const dd__tuning *tuning);
/* Whether the time is over or the user wants to stop. */
bool dd__tuner_stops(const dd__tuner *tuner);

/* Goes on from tuning->stages, 0 being the start, until all are done or the tuner stops; *tuning is
 * then what to keep. Its implementation is NULL when none computes rightly.
 *   small  the same node at a small batch */
dd_status dd__search(dd__tuner *tuner, const dd__node *node, const dd__node *small,
                     dd__tuning *tuning);

#endif
