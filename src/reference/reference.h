/* reference.h: every op in plain C with double sums, for the tests, the self-test and the device
 * named `reference`. Slow and simple on purpose; one file an op family. Each reads and writes
 * dd__buffer_host() of the node's values and cannot fail but for memory.
 */
#ifndef DD_REFERENCE_REFERENCE_H
#define DD_REFERENCE_REFERENCE_H

#include "graph/attributes.h"

#define DD_REFERENCE(name) dd_status dd__reference_##name(const dd__node *node);
DD_REFERENCE(conv2d)
DD_REFERENCE(conv2d_backward_data)
DD_REFERENCE(conv2d_backward_weights)
DD_REFERENCE(gemm)
DD_REFERENCE(matmul)
DD_REFERENCE(bias)
DD_REFERENCE(column_sums)
DD_REFERENCE(activation)
DD_REFERENCE(activation_backward)
DD_REFERENCE(max_pool)
DD_REFERENCE(max_pool_backward)
DD_REFERENCE(average_pool)
DD_REFERENCE(average_pool_backward)
DD_REFERENCE(batch_norm)
DD_REFERENCE(batch_norm_training)
DD_REFERENCE(batch_norm_backward)
DD_REFERENCE(dropout)
DD_REFERENCE(dropout_backward)
DD_REFERENCE(norm_pool_training)
DD_REFERENCE(norm_pool_backward)
DD_REFERENCE(conv2d_norm_pool_training)
DD_REFERENCE(conv2d_norm_pool_backward)
DD_REFERENCE(softmax)
DD_REFERENCE(softmax_backward)
DD_REFERENCE(log_softmax)
DD_REFERENCE(log_softmax_backward)
DD_REFERENCE(cross_entropy)
DD_REFERENCE(cross_entropy_backward)
DD_REFERENCE(add)
DD_REFERENCE(arithmetic)
DD_REFERENCE(arithmetic_backward)
DD_REFERENCE(concat)
DD_REFERENCE(slice)
DD_REFERENCE(reduce)
DD_REFERENCE(reduce_backward)
DD_REFERENCE(normalize)
DD_REFERENCE(lrn)
DD_REFERENCE(resize)
DD_REFERENCE(views)
DD_REFERENCE(pad)
DD_REFERENCE(take)
DD_REFERENCE(transpose)
DD_REFERENCE(copy)
DD_REFERENCE(fill)
DD_REFERENCE(learning_rate)
DD_REFERENCE(sgd)
DD_REFERENCE(adam)
DD_REFERENCE(weight_decay)
DD_REFERENCE(average)
DD_REFERENCE(gather)
DD_REFERENCE(advance)
DD_REFERENCE(metrics)
DD_REFERENCE(accumulate)
DD_REFERENCE(next_part)
#undef DD_REFERENCE

/* The elements of a value on the reference device. */
static inline float *dd__f32(const dd__value *value) { return dd__buffer_host(value->buffer); }
static inline int32_t *dd__i32(const dd__value *value) { return dd__buffer_host(value->buffer); }
static inline uint8_t *dd__u8(const dd__value *value) { return dd__buffer_host(value->buffer); }

#endif
