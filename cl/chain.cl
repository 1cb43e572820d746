/* chain.cl: the launches of a plan as one; src/device/chain.h has the idea. src/device/chain.c puts
 * before it what depends on them:
 *
 *   ITEM_TYPE    ChainItem: id[3] and size[3], what get_global_id and get_global_size give
 *   FUNCTIONS    declarations of chain_part_0 .., a launch's kernel each (item, numbers, buffers)
 *   BUFFERS      __global int *b0, .. : all their buffers, whole ones of which theirs are parts
 *   CASES        case s: chain_part_<p>(item, numbers, b<i> + numbers[k], ..); break; for each launch s
 *
 * counters[0]: tasks that were taken; [16]: tasks done; [32]: items that have left. All are 0 between
 * launches: the last item that leaves resets them. An item leaves when there is no task, and also when
 * those before the next take long: then another item works on one of them, which sees to the rest, and
 * whose processor may be what this one waits with.
 * table[0]: the number of tasks; then ROW numbers a launch: its first task, that behind its last,
 * its work-items in three extents and in a group (along the first), and where its numbers are in
 * table: the arguments that are no buffers, then where its buffers begin, in ints. Launch: (threads).
 */
#define ROW      7
#define PATIENCE (1 << 20) /* looks at a counter, some nanoseconds each: longer than a task takes */

ITEM_TYPE
FUNCTIONS

__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void
chain(volatile __global int *counters, __global const int *table, BUFFERS) {
    int step = 0, waited = 0; /* the launch of the next task, for they only go up */
    __global const int *row = table + 1;
    for (;;) {
        const int task = counters[0];
        if (task >= table[0] || waited > PATIENCE) break;
        for (; task >= row[1]; row += ROW) step++;
        if (counters[16] < row[0]) {
            waited++;
            continue;
        }
        if (atomic_cmpxchg(counters, task, task + 1) != task) continue;
        mem_fence(CLK_GLOBAL_MEM_FENCE);
        waited = 0;
        ChainItem item;
        int left = task - row[0];
        for (int d = 0; d < 3; d++) {
            const int group = d ? 1 : row[5], groups = row[2 + d] / group;
            item.size[d] = row[2 + d];
            item.id[d] = left % groups * group;
            left /= groups;
        }
        __global const int *numbers = table + row[6];
        for (int i = 0; i < row[5]; i++, item.id[0]++) {
            switch (step) { CASES }
        }
        mem_fence(CLK_GLOBAL_MEM_FENCE);
        atomic_inc(counters + 16);
    }
    if (atomic_inc(counters + 32) == (int)get_global_size(0) - 1)
        counters[0] = counters[16] = counters[32] = 0;
}
