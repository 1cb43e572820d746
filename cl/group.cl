/* group.cl: what the work-items of one work-group find out together; included by
 * the programs that have such kernels. The macro below is set by the host (see cl/README.md):
 *   DD_GROUP      work-items of such a group, a power of two that the device takes
 * Groups lie along the first dimension. One is seen as a rectangle `wide` items wide, a power of two:
 * item i stands in column i % wide and line i / wide, so that neighbours in a line read neighbours in
 * memory.
 */
#define FULL_GROUP __kernel __attribute__((reqd_work_group_size(DD_GROUP, 1, 1)))

/* Defines T name(held, own, stride, count): JOIN of what the `count` items (a power of two) give as
 * `own` that lie `stride` apart, in a tree, so in an order that is always the same. DOWN: the items
 * of a column, ALONG: those of a line. All items of the group call it, all of them get it; held has
 * DD_GROUP elements. */
#define FOLD(name, T, JOIN)                                                                \
    inline T name(local T *held, T own, int stride, int count) {                           \
        int item = (int)get_local_id(0), place = item / stride % count;                    \
        barrier(CLK_LOCAL_MEM_FENCE); /* held may still be read, by a fold before */       \
        held[item] = own;                                                                  \
        for (int reach = count / 2; reach > 0; reach /= 2) {                               \
            barrier(CLK_LOCAL_MEM_FENCE);                                                  \
            if (place < reach) held[item] = JOIN(held[item], held[item + reach * stride]); \
        }                                                                                  \
        barrier(CLK_LOCAL_MEM_FENCE);                                                      \
        return held[item - place * stride];                                                \
    }
#define DOWN  wide, DD_GROUP / wide
#define ALONG 1, wide

/* A sum, and what rounding took from it (Knuth's two-sum): sums over all rows are often small
 * against the parts that cancel in them. */
typedef struct {
    float sum, lost;
} Sum;

inline Sum sum_of(float value, float lost) {
    Sum s = {value, lost};
    return s;
}

inline Sum plus(Sum a, Sum b) {
    float sum = a.sum + b.sum, of_b = sum - a.sum;
    return sum_of(sum, (a.sum - (sum - of_b)) + (b.sum - of_b) + (a.lost + b.lost));
}

inline float total(Sum s) { return s.sum + s.lost; }

FOLD(fold_sum, Sum, plus)

/* An item's share where groups pass over the rows of (rows, C), `chunk` rows and `wide` columns each
 * (dd__launch_columns): rows row, row + deep, .. before end, of column c. */
typedef struct {
    int c, row, end, deep;
    int part;    /* its group's rows are number `part` */
    bool stores; /* it is the one that stores what its column of the group has found out */
} Share;

/* Of the item get_global_id(0) = id. Without rows where there is no such column. */
inline Share share_of(int id, int rows, int chunk, int C, int wide) {
    int item = id % DD_GROUP, group = id / DD_GROUP;
    int strips = (C + wide - 1) / wide, line = item / wide;
    Share s;
    s.c = group % strips * wide + item % wide;
    s.part = group / strips;
    s.deep = DD_GROUP / wide;
    s.row = s.part * chunk + line;
    s.end = s.c < C ? s.part * chunk + min(chunk, rows - s.part * chunk) : 0;
    s.stores = line == 0 && s.c < C;
    return s;
}

/* Stores a group's two sums for each of its columns in partial (parts, 2, C). */
inline void store_sums(local Sum *held, Sum a, Sum b, Share s, int wide, int C,
                       global float *partial) {
    a = fold_sum(held, a, DOWN);
    b = fold_sum(held, b, DOWN);
    if (!s.stores) return;
    partial[s.part * 2 * C + s.c] = total(a);
    partial[(s.part * 2 + 1) * C + s.c] = total(b);
}

/* The random number, 0 .. 65535, of a stream's element number get_global_id(0) = id of `count`: of the 8
 * in the words of philox(stream, groups_before + id / 8, step), which one item for 8 computes. All items
 * call it; words has WORDS elements. */
#define WORDS ((DD_GROUP + 7) / 8)
inline int deal_number(local uint4 *words, const global Step *step, uint stream, uint id,
                       int count) {
    uint item = id % DD_GROUP, first = groups_before(step, count) + (id - item) / 8;
    if (item < WORDS)
        words[item] = philox(step->seed_low, step->seed_high, stream, first + item, step->step);
    barrier(CLK_LOCAL_MEM_FENCE);
    return number_of(words[item / 8], (int)(id % 8));
}
