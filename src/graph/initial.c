#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/random.h"
#include "graph/graph.h"

void dd__value_initialize(const dd__value *value, uint64_t seed, float *data) {
    size_t count = dd__dims_count(&value->dims);
    uint32_t name = dd__hash32(value->name, strlen(value->name));
    dd__random random = dd__random_start(seed, DD__STREAM_INITIAL + (name & 0x7FFFFFFF));
    double limit = sqrt(6.0 / ((double)value->fan_in + value->fan_out));
    for (size_t i = 0; i < count; i++) {
        switch (value->initial) {
        case DD__ZEROS:
            data[i] = 0;
            break;
        case DD__ONES:
            data[i] = 1;
            break;
        case DD__GLOROT_UNIFORM:
            data[i] = (float)(limit * (2.0 * (double)dd__random_uniform(&random) - 1.0));
            break;
        }
    }
}
