/* Matrix products, biases and their sums: whole numbers, tolerance 0. */
#include "check/check.h"

#define GEMM(title, a_rows, a_columns, b_rows, b_columns, ...)                             \
    {                                                                                      \
        .op = "gemm", .name = title, .attributes = &(const dd__gemm){__VA_ARGS__}, .in = { \
            DD__IN(INTEGER, a_rows, a_columns),                                            \
            DD__IN(INTEGER, b_rows, b_columns)                                             \
        }                                                                                  \
    }
/* All four: C (m, n) from A (m, k), B (k, n), either of them transposed in memory. */
#define TRANSPOSES(size, m, n, k)                          \
    GEMM(size "_nn", m, k, k, n, .transpose_a = false),    \
        GEMM(size "_nt", m, k, n, k, .transpose_b = true), \
        GEMM(size "_tn", k, m, k, n, .transpose_a = true), \
        GEMM(size "_tt", k, m, n, k, .transpose_a = true, .transpose_b = true)
#define GEMM_BIAS(title, m, n, k, is_quick, ...)                                   \
    {                                                                              \
        .op = "gemm", .name = title, .attributes = &(const dd__gemm){__VA_ARGS__}, \
        .in = {DD__IN(INTEGER, m, k), DD__IN(INTEGER, k, n), DD__IN(HALF, n)},     \
        .gradient = (m) * (n) * (k) < 5000 ? 7 : 0, .quick = is_quick              \
    }
#define MATMUL(title, in_quick, differences, a, b, ...)                                            \
    {                                                                                              \
        .op = "matmul", .name = title, .attributes = &(const dd__matmul){__VA_ARGS__},             \
        .in = {DD__IN(INTEGER, OPEN a), DD__IN(INTEGER, OPEN b)}, .gradient = differences ? 3 : 0, \
        .quick = in_quick                                                                          \
    }
#define OPEN(...) __VA_ARGS__ /* OPEN (1, 2) is 1, 2 */
#define ROWS(op_, title, differences, ...) \
    { .op = op_, .name = title, .in = {DD__IN(INTEGER, __VA_ARGS__)}, .gradient = differences }

const dd__case dd__cases_dense[] = {
    TRANSPOSES("1x1x1", 1, 1, 1),
    TRANSPOSES("7x31x33", 7, 31, 33),
    TRANSPOSES("33x65x7", 33, 65, 7),
    TRANSPOSES("32x32x32", 32, 32, 32),
    TRANSPOSES("1x64x65", 1, 64, 65),
    TRANSPOSES("65x1x31", 65, 1, 31),
    TRANSPOSES("191x193x192", 191, 193, 192),
    TRANSPOSES("64x64x1", 64, 64, 1),
    GEMM("seed_dense1", 8, 256, 256, 512, .transpose_a = false),
    GEMM("seed_dense1_backward_data", 8, 512, 256, 512, .transpose_b = true),
    GEMM("seed_dense1_backward_weights", 8, 256, 8, 512, .transpose_a = true),
    GEMM("seed_dense2", 8, 512, 512, 10, .transpose_a = false),
    GEMM_BIAS("bias", 5, 9, 17, false, .activation = DD__LINEAR),
    GEMM_BIAS("bias_relu", 7, 10, 33, true, .activation = DD__RELU),
    GEMM_BIAS("bias_relu_33x65x31", 33, 65, 31, false, .activation = DD__RELU),
    GEMM_BIAS("bias_relu_128x512x256", 128, 512, 256, false, .activation = DD__RELU),
    {.op = "gemm",
     .name = "relu_without_bias",
     .attributes = &(const dd__gemm){.activation = DD__RELU},
     .in = {DD__IN(INTEGER, 9, 8), DD__IN(INTEGER, 8, 33)}},
    {.op = "gemm",
     .name = "bias_transposed_b",
     .attributes = &(const dd__gemm){.transpose_b = true},
     .in = {DD__IN(INTEGER, 9, 8), DD__IN(INTEGER, 33, 8), DD__IN(HALF, 33)},
     .gradient = 7},
    {.op = "gemm",
     .name = "both_transposed",
     .attributes = &(const dd__gemm){.transpose_a = true, .transpose_b = true},
     .in = {DD__IN(INTEGER, 6, 5), DD__IN(INTEGER, 7, 6)},
     .gradient = 3},
    {.op = "gemm",
     .name = "transposed_a",
     .attributes = &(const dd__gemm){.transpose_a = true},
     .in = {DD__IN(INTEGER, 6, 5), DD__IN(INTEGER, 6, 7)},
     .gradient = 3,
     .quick = true},
    {.op = "gemm",
     .name = "fractions",
     .attributes = &(const dd__gemm){.transpose_b = true},
     .in = {DD__IN(NORMAL, 33, 257), DD__IN(NORMAL, 31, 257)},
     .tolerance = 3e-5,
     .why = "sums of 257 products, deviation 16: rounding of each partial sum, 2^-24 * 16 * 16",
     .quick = true},

    MATMUL("two_matrices", false, true, (5, 7), (7, 3), .alpha = 1),
    MATMUL("each_with_its_own", true, true, (2, 3, 5, 7), (2, 3, 7, 17), .alpha = 0.5f),
    MATMUL("weights_for_all", true, true, (2, 3, 5, 7), (7, 9), .alpha = 1),
    MATMUL("rows_for_all", false, true, (5, 7), (2, 3, 7, 9), .alpha = 2),
    MATMUL("repeated_here_and_there", true, true, (2, 1, 3, 5, 4), (3, 1, 4, 2), .alpha = 1),
    MATMUL("repeated_in_turn", false, true, (2, 1, 3, 1, 3, 2), (1, 2, 1, 2, 2, 5), .alpha = -1),
    MATMUL("repeated_outside", false, true, (1, 3, 4, 5), (2, 3, 5, 6), .alpha = 1),
    MATMUL("transposed_a", false, true, (3, 7, 5), (3, 7, 4), .transpose_a = true, .alpha = 1),
    MATMUL("transposed_a_weights_for_all", false, true, (3, 7, 5), (7, 4), .transpose_a = true,
           .alpha = 1),
    MATMUL("transposed_b", true, true, (2, 2, 5, 8), (2, 2, 6, 8), .transpose_b = true,
           .alpha = 0.25f),
    MATMUL("both_transposed", false, true, (4, 3, 2), (1, 5, 3), .transpose_a = true,
           .transpose_b = true, .alpha = 1),
    MATMUL("scores", false, false, (1, 3, 65, 32), (1, 3, 65, 32), .transpose_b = true,
           .alpha = 0.125f),
    MATMUL("tiles", false, false, (3, 33, 65), (3, 65, 131), .alpha = 1),

    {.op = "bias",
     .name = "matrix_7x33",
     .in = {DD__IN(INTEGER, 7, 33), DD__IN(INTEGER, 33)},
     .gradient = 3},
    {.op = "bias",
     .name = "images_of_64_channels",
     .in = {DD__IN(INTEGER, 2, 5, 7, 64), DD__IN(INTEGER, 64)},
     .quick = true},
    {.op = "bias", .name = "one", .in = {DD__IN(INTEGER, 1, 1), DD__IN(INTEGER, 1)}},
    ROWS("column_sums", "one", 0, 1, 1),
    ROWS("column_sums", "one_row_of_65", 0, 1, 65),
    ROWS("column_sums", "matrix_7x33", 0, 7, 33),
    ROWS("column_sums", "images_of_31_channels", 0, 2, 5, 7, 31),
    ROWS("column_sums", "many_rows", 0, 4099, 3),
    {.op = "column_sums", .name = "seed_1", .in = {DD__IN(INTEGER, 2, 24, 24, 64)}, .quick = true},
    {0},
};
