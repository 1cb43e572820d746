/* tile_half.cl: products of panels in half precision, for -DHALF_PRODUCTS: in the place of those by
 * cl/tile_local.cl, behind which it is included. Needs cl_khr_fp16, and right results: both are found out by
 * src/device/half.c.
 *
 * Numbers are rounded as they go to local memory, then multiplied and added up in half precision over the
 * DEPTH numbers of a panel; what panels give is added up in float. So the error grows with DEPTH and not
 * with K (DD__HALF_ERROR in src/ops/tile_local.h), and only what one panel gives must stay below 65504.
 */
inline void multiply_panels(V sum[4 * MV][NV], const local PANEL_V *left, const local PANEL_V *right,
                            const int x, const int y) {
    PANEL_V part[4 * MV][NV];
    UNROLL for (int i = 0; i < 4 * MV; i++)
        UNROLL for (int j = 0; j < NV; j++) part[i][j] = (PANEL_V)(0);
#define ADD_ROW(r, a) \
    UNROLL for (int j = 0; j < NV; j++) part[r][j] = (PANEL_V)(a) * row[j] + part[r][j];
    UNROLL for (int k = 0; k < DEPTH; k++) {
        PANEL_V row[NV];
        UNROLL for (int j = 0; j < NV; j++) row[j] = right[k * RIGHT_ROW + j * GX + x];
        UNROLL for (int i = 0; i < MV; i++) {
            const PANEL_V a = left[k * LEFT_ROW + i * GY + y];
            ADD_ROW(4 * i, a.s0)
            ADD_ROW(4 * i + 1, a.s1)
            ADD_ROW(4 * i + 2, a.s2)
            ADD_ROW(4 * i + 3, a.s3)
        }
    }
#undef ADD_ROW
    UNROLL for (int i = 0; i < 4 * MV; i++)
        UNROLL for (int j = 0; j < NV; j++) sum[i][j] += convert_float4(part[i][j]);
}
