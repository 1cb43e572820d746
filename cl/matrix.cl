/* matrix.cl: the instructions that multiply small matrices on matrix units (tensor cores). Each is
 * executed by the LANES items of a warp together:
 *
 *   C (UNIT_M, UNIT_N) += A (UNIT_M, k) B (k, UNIT_N), sums in float
 *
 * Along k, operands are UNIT_WORDS words of 32 bits: PACKED numbers each, one in TF32, or two in
 * bf16, of which the first is the low half. Lane l has in registers
 *
 *   a[r]    A(A_ROW(l, r), word A_WORD(l, r))        A_REGISTERS of them
 *   b[r]    B(word B_WORD(l, r), B_COLUMN(l, r))     B_REGISTERS
 *   sum[r]  C(C_ROW(l, r), C_COLUMN(l, r))           C_REGISTERS
 *
 * A warp is LANES items that follow each other in the group. Nothing but this list and what is built
 * on it relies on that, and nothing here is relied on before a product came out right on the device:
 * src/device/matrix.c, which also has the list of what it tries.
 *
 * Options: an instruction, -DPTX or -DEMULATED, and a format, -DTF32 or -DBF16. An entry defines all
 * that is above, and, where the compiler knows it,
 *   HAS_UNIT
 *   Number to_number(float)                  rounded to the format
 *   multiply_unit(sum, a, b, lane, scratch)  the instruction; scratch: UNIT_SCRATCH words of local
 *                                            memory of the warp's own
 */
#ifdef BF16
typedef ushort Number;
#define PACKED 2
#else
typedef uint Number;
#define PACKED 1
#endif

/* ---- mma.m16n8k8 of TF32, mma.m16n8k16 of bf16 (NVIDIA from compute capability 8.0; PTX ISA, "Matrix
 * fragments for mma"): in words both lie alike. */
#if defined(PTX) || defined(EMULATED)
#define LANES          32
#define UNIT_M         16
#define UNIT_N         8
#define UNIT_WORDS     8
#define A_REGISTERS    4
#define B_REGISTERS    2
#define C_REGISTERS    4
#define A_ROW(l, r)    ((l) / 4 + (r) % 2 * 8)
#define A_WORD(l, r)   ((l) % 4 + (r) / 2 * 4)
#define B_WORD(l, r)   ((l) % 4 + (r) * 4)
#define B_COLUMN(l, r) ((l) / 4)
#define C_ROW(l, r)    ((l) / 4 + (r) / 2 * 8)
#define C_COLUMN(l, r) ((l) % 4 * 2 + (r) % 2)
#endif

#if defined(__NV_CL_C_VERSION) || defined(cl_nv_pragma_unroll) || defined(__NVPTX__)
#define TAKES_PTX /* the compiler does */
#endif

#if defined(PTX) && defined(TAKES_PTX)
#define HAS_UNIT     1
#define UNIT_SCRATCH 0
#ifdef BF16
#define MMA "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32"
#else
#define MMA "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32"
#endif

inline Number to_number(const float value) {
    Number rounded;
#ifdef BF16
    __asm__("cvt.rn.bf16.f32 %0, %1;" : "=h"(rounded) : "f"(value));
#else
    __asm__("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(value));
#endif
    return rounded;
}

/* Volatile: it must stay where all lanes come by. */
inline void multiply_unit(float sum[C_REGISTERS], const uint a[A_REGISTERS],
                          const uint b[B_REGISTERS], const int lane, local uint *scratch) {
    __asm__ volatile(MMA " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                     : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#endif

/* ---- The same in OpenCL C, for tests on devices without such units. Where it looks for an element
 * is written down by itself, the other way round: in which register of which lane the element is. So
 * that formulas above that are wrong give wrong results. All items of the group take part. */
#ifdef EMULATED
#undef UNROLL /* compilers take their time over barriers in loops that are unrolled */
#define UNROLL
#define HELD(r, lane)           ((r) * LANES + (lane))
#define HOLDS_A(row, word)      HELD((row) / 8 + (word) / 4 * 2, (row) % 8 * 4 + (word) % 4)
#define HOLDS_B(word, column)   HELD(4 + (word) / 4, (column) * 4 + (word) % 4)
#define HOLDS_C(row, column)    HELD(6 + (row) / 8 * 2 + (column) % 2, (row) % 8 * 4 + (column) / 2)
#define HAS_UNIT                1
#define UNIT_SCRATCH            (LANES * 10)

/* To the nearest: of two that are equally near to the even one in bf16, to the larger one in TF32. */
inline Number to_number(const float value) {
    const uint bits = as_uint(value);
#ifdef BF16
    return value != value ? 0x7FC0 : (bits + 0x7FFF + (bits >> 16) % 2) >> 16;
#else
    return value != value ? 0x7FC00000 : (bits + 0x1000) & 0xFFFFE000;
#endif
}

inline float times(const uint a, const uint b) {
#ifdef BF16
    return as_float(a << 16) * as_float(b << 16) +
           as_float(a & 0xFFFF0000) * as_float(b & 0xFFFF0000);
#else
    return as_float(a) * as_float(b);
#endif
}

inline void multiply_unit(float sum[C_REGISTERS], const uint a[A_REGISTERS],
                          const uint b[B_REGISTERS], const int lane, local uint *scratch) {
    for (int r = 0; r < A_REGISTERS; r++) scratch[HELD(r, lane)] = a[r];
    for (int r = 0; r < B_REGISTERS; r++) scratch[HELD(4 + r, lane)] = b[r];
    for (int r = 0; r < C_REGISTERS; r++) scratch[HELD(6 + r, lane)] = as_uint(sum[r]);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = 0; i < 4; i++) {
        const int row = lane / 2, column = lane % 2 * 4 + i;
        float total = as_float(scratch[HOLDS_C(row, column)]);
        for (int word = 0; word < UNIT_WORDS; word++)
            total += times(scratch[HOLDS_A(row, word)], scratch[HOLDS_B(word, column)]);
        scratch[HOLDS_C(row, column)] = as_uint(total);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int r = 0; r < C_REGISTERS; r++) sum[r] = as_float(scratch[HELD(6 + r, lane)]);
}
#endif
