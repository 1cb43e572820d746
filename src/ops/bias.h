/* bias.h: the launches of column_sums that norm_pool.c uses too. */
#ifndef DD_OPS_BIAS_H
#define DD_OPS_BIAS_H

#include "ops/launch.h"

/* By groups, any device: from (rows, channels) to the parts' sums (parts, channels). */
dd_status dd__record_column_sums(dd__recorder *recorder, const dd_device *device,
                                 const dd__columns *cut, dd__buffer *from, dd__buffer *to);

#endif
