/* batch_norm.h: the launches of batch_norm's training and backward forms that norm_pool.c and
 * conv2d_norm_pool.c use too. */
#ifndef DD_OPS_BATCH_NORM_H
#define DD_OPS_BATCH_NORM_H

#include "graph/attributes.h"

/* How the rows of x (rows, channels) are cut and the kernels built. */
typedef struct dd__norm_cut {
    const dd_device *device;
    size_t rows, channels, chunk, chunks;
    unsigned lanes; /* 0: the plain form */
    char options[64];
} dd__norm_cut;

/* For the kernels of `op`, batch_norm or one of its two others. */
dd__norm_cut dd__norm_cut_rows(const dd__op *op, const dd__dims *x, const dd_device *device,
                               bool vector);

/* partial (chunks, 2, channels): each chunk's means and sums of squared deviations. */
dd_status dd__norm_record_statistics(dd__recorder *recorder, const dd__norm_cut *cut, dd__buffer *x,
                                     dd__buffer *partial);
/* From partial to the node's outputs 1 and 2 and its inputs 3 and 4, which are those of
 * batch_norm_training. */
dd_status dd__norm_record_combine(dd__recorder *recorder, const dd__norm_cut *cut,
                                  const dd__batch_norm *attributes, const dd__node *node,
                                  dd__buffer *partial);
/* From partial (chunks, 2, channels), sums of dy and of dy (x - mean), to dgamma and dbeta. */
dd_status dd__norm_record_combine_sums(dd__recorder *recorder, const dd__norm_cut *cut,
                                       dd__buffer *partial, dd__buffer *inverse, dd__buffer *dgamma,
                                       dd__buffer *dbeta);

#endif
