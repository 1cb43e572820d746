/* tile_matrix.cl: panels in local memory and their products on matrix units (cl/matrix.cl): what a
 * program with -DMATRIX includes, behind cl/tile_local.cl and the list, in the place of products by
 * each item alone.
 *
 * The group's tile is MV x NV pieces of (4 GY, 4 GX) numbers. A warp computes, in every piece, the same
 * UNIT_M rows and ACROSS blocks of UNIT_N columns, so that all warps have a part in each. In the
 * end the sums change hands, a piece at a time, through the memory of the panels: then each item has the
 * blocks of 4 x 4 that tile_local.cl stores.
 *
 * DEPTH is a multiple of UNIT_WORDS * PACKED, GY a multiple of UNIT_M / 4, GX of 4 * UNIT_N / 4.
 */
#define WORDS        (DEPTH / PACKED)
#define WARPS_DOWN   (4 * GY / UNIT_M)
#define WARPS_ACROSS (ITEMS / LANES / WARPS_DOWN)
#define ACROSS       (4 * GX / UNIT_N / WARPS_ACROSS)

/* A panel lies by words of k, or where items load along k, by rows of A or columns of B: so that
 * neighbours write to different banks. What is between rows does the same for those who read: 8 rows
 * and 4 words of k at a time. */
#ifdef LEFT_ALONG_K
#define LEFT_PANEL     (BM * (WORDS + 4))
#define LEFT_AT(w, i)  ((i) * (WORDS + 4) + (w))
#else
#define LEFT_PANEL     (WORDS * (BM + 8))
#define LEFT_AT(w, i)  ((w) * (BM + 8) + (i))
#endif
#ifdef RIGHT_ALONG_K
#define RIGHT_PANEL    (BN * (WORDS + 4))
#define RIGHT_AT(w, j) ((j) * (WORDS + 4) + (w))
#else
#define RIGHT_PANEL    (WORDS * (BN + 8))
#define RIGHT_AT(w, j) ((w) * (BN + 8) + (j))
#endif

/* Two of each panel, or a piece, whose rows have a vector more. */
#define PANEL_VECTORS (2 * (LEFT_PANEL + RIGHT_PANEL) / 4)
#define PIECE_VECTORS (4 * GY * (GX + 1))
#define PIECE_AT(row, column) ((row) * 4 * (GX + 1) + (column))
#define MEMORY        (PANEL_VECTORS > PIECE_VECTORS ? PANEL_VECTORS : PIECE_VECTORS)
#define PANELS                                                        \
    local V memory[MEMORY + ITEMS / LANES * UNIT_SCRATCH / 4];        \
    local uint *const left_panel = (local uint *)memory;              \
    local uint *const right_panel = left_panel + 2 * LEFT_PANEL;      \
    local uint *const scratch =                                       \
        (local uint *)(memory + MEMORY) + item / LANES * UNIT_SCRATCH;

inline void put_left(local uint *panel, const float part[LEFT_PARTS], const int item) {
    UNROLL for (int p = 0; p < LEFT_PARTS; p++) {
        const int k = LEFT_K(p), word = LEFT_AT(k / PACKED, LEFT_I(p));
        ((local Number *)panel)[word * PACKED + k % PACKED] = to_number(part[p]);
    }
}

inline void put_right(local uint *panel, const float part[RIGHT_PARTS], const int item) {
    UNROLL for (int p = 0; p < RIGHT_PARTS; p++) {
        const int k = RIGHT_K(p), word = RIGHT_AT(k / PACKED, RIGHT_J(p));
        ((local Number *)panel)[word * PACKED + k % PACKED] = to_number(part[p]);
    }
}

/* A warp's sums: block j % ACROSS of piece (i, j / ACROSS). */
#define WARP_SUMS(own) float own[MV][NV * ACROSS][C_REGISTERS]
/* Its place in a piece. */
#define WARP_ROW    (item / LANES / WARPS_ACROSS * UNIT_M)
#define WARP_COLUMN (item / LANES % WARPS_ACROSS * ACROSS * UNIT_N)

inline void clear_sums(WARP_SUMS(own)) {
    UNROLL for (int i = 0; i < MV; i++)
        UNROLL for (int j = 0; j < NV * ACROSS; j++)
            UNROLL for (int r = 0; r < C_REGISTERS; r++) own[i][j][r] = 0.0f;
}

/* own += what two panels give. An element lies as far from the lane's first as the formulas say of lane 0:
 * then all of them have one address and constants. */
inline void multiply_panels(WARP_SUMS(own), const local uint *left, const local uint *right,
                            const int item, local uint *scratch) {
    const int lane = item % LANES;
    left += LEFT_AT(A_WORD(lane, 0), WARP_ROW + A_ROW(lane, 0));
    right += RIGHT_AT(B_WORD(lane, 0), WARP_COLUMN + B_COLUMN(lane, 0));
    UNROLL for (int word = 0; word < WORDS; word += UNIT_WORDS) {
        uint a[MV][A_REGISTERS];
        UNROLL for (int i = 0; i < MV; i++)
            UNROLL for (int r = 0; r < A_REGISTERS; r++)
                a[i][r] = left[LEFT_AT(word + A_WORD(0, r), i * 4 * GY + A_ROW(0, r))];
        UNROLL for (int j = 0; j < NV * ACROSS; j++) {
            const int column = j / ACROSS * 4 * GX + j % ACROSS * UNIT_N;
            uint b[B_REGISTERS];
            UNROLL for (int r = 0; r < B_REGISTERS; r++)
                b[r] = right[RIGHT_AT(word + B_WORD(0, r), column + B_COLUMN(0, r))];
            UNROLL for (int i = 0; i < MV; i++) multiply_unit(own[i][j], a[i], b, lane, scratch);
        }
    }
}

/* The items' own blocks from the warps' sums. Nobody reads the panels any more. */
inline void hand_over(WARP_SUMS(own), V sum[4 * MV][NV], local V *piece, const int item,
                      const int x, const int y) {
    const int lane = item % LANES;
    local float *to = (local float *)piece + PIECE_AT(WARP_ROW + C_ROW(lane, 0),
                                                      WARP_COLUMN + C_COLUMN(lane, 0));
    UNROLL for (int i = 0; i < MV; i++)
        UNROLL for (int j = 0; j < NV; j++) {
            UNROLL for (int t = 0; t < ACROSS; t++)
                UNROLL for (int r = 0; r < C_REGISTERS; r++)
                    to[PIECE_AT(C_ROW(0, r), t * UNIT_N + C_COLUMN(0, r))] = own[i][j * ACROSS + t][r];
            barrier(CLK_LOCAL_MEM_FENCE);
            UNROLL for (int r = 0; r < 4; r++) sum[4 * i + r][j] = piece[(4 * y + r) * (GX + 1) + x];
            barrier(CLK_LOCAL_MEM_FENCE);
        }
}

#define OPEN_SUMS(sum)     \
    WARP_SUMS(own_);       \
    clear_sums(own_);
#define ADD_PANELS(sum, left, right) multiply_panels(own_, left, right, item, scratch);
#define CLOSE_SUMS(sum)              hand_over(own_, sum, memory, item, x, y);
