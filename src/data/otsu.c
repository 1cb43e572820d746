/* otsu.c: N. Otsu: "A threshold selection method from gray-level histograms", 1979. */
#include "data/otsu.h"

typedef struct moments {
    double count, sum, squares;
} moments;

static void add_level(moments *to, const size_t counts[DD__LEVELS], unsigned level) {
    double count = (double)counts[level];
    to->count += count;
    to->sum += count * level;
    to->squares += count * level * level;
}

unsigned dd__otsu(const size_t counts[DD__LEVELS], unsigned floor, double *share) {
    moments all = {0}, below = {0};
    double best = 0;
    unsigned threshold = floor;
    for (unsigned i = floor; i < DD__LEVELS; i++) add_level(&all, counts, i);
    for (unsigned i = floor; i < DD__LEVELS - 1; i++) {
        add_level(&below, counts, i);
        double above = all.count - below.count;
        if (below.count <= 0 || above <= 0) continue;
        double apart = below.sum / below.count - (all.sum - below.sum) / above;
        double between = below.count * above * apart * apart;
        if (between <= best) continue;
        best = between;
        threshold = i;
    }
    double total = all.count * all.squares - all.sum * all.sum;
    if (share) *share = total > 0 ? best / total : 0;
    return threshold;
}
