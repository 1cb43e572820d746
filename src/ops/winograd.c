#include "ops/winograd.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Where polynomials are evaluated, for each a; infinity is one point more. Small fractions keep the
 * rounding error down: relative rms of F(4x4,5x5) 2.7e-6, F(4x4,3x3) 7e-7, F(2x2,3x3) 2e-7. */
static const double *points_of(int a) {
    static const double four[] = {0, 1, -1}, six[] = {0, 0.75, -0.75, 1.5, -1.5};
    static const double eight[] = {0, 1, -1, 2, -2, 0.5, -0.5};
    static const double *const all[] = {four, six, eight};
    return a >= 4 && a <= DD__WINOGRAD_MOST && a % 2 == 0 ? all[a / 2 - 2] : NULL;
}

/* rows (a, n): powers 0 .. n - 1 of each point; of infinity, the highest alone. */
static void evaluate(const double *points, int a, int n, double (*rows)[DD__WINOGRAD_MOST]) {
    for (int i = 0; i < a; i++)
        for (int k = 0; k < n; k++)
            rows[i][k] = i < a - 1 ? pow(points[i], k) : (double)(k == n - 1);
}

/* inverse (a, a) of matrix (a, a), which is used up: Gauss, Jordan, with pivots. */
static void invert(double (*matrix)[DD__WINOGRAD_MOST], int a,
                   double (*inverse)[DD__WINOGRAD_MOST]) {
    for (int i = 0; i < a; i++)
        for (int j = 0; j < a; j++) inverse[i][j] = i == j;
    for (int k = 0; k < a; k++) {
        int pivot = k;
        for (int i = k; i < a; i++)
            if (fabs(matrix[i][k]) > fabs(matrix[pivot][k])) pivot = i;
        for (int j = 0; j < a; j++) {
            double m = matrix[k][j], n = inverse[k][j];
            matrix[k][j] = matrix[pivot][j];
            inverse[k][j] = inverse[pivot][j];
            matrix[pivot][j] = m;
            inverse[pivot][j] = n;
        }
        double scale = 1 / matrix[k][k];
        for (int j = 0; j < a; j++) {
            matrix[k][j] *= scale;
            inverse[k][j] *= scale;
        }
        for (int i = 0; i < a; i++) {
            double factor = matrix[i][k];
            for (int j = 0; i != k && j < a; j++) {
                matrix[i][j] -= factor * matrix[k][j];
                inverse[i][j] -= factor * inverse[k][j];
            }
        }
    }
}

static double largest(const double *row, int count) {
    double most = 0;
    for (int i = 0; i < count; i++) most = fmax(most, fabs(row[i]));
    return most;
}

/* Rows of B^T and G trade a power of two, which rounds nothing, so that both are of one size. */
static void balance(dd__winograd *w) {
    for (int i = 0; i < w->a; i++) {
        double ratio = largest(w->bt[i], w->a) / largest(w->g[i], w->r);
        double scale = exp2(round(log2(sqrt(ratio))));
        for (int j = 0; j < w->a; j++) w->bt[i][j] /= scale;
        for (int j = 0; j < w->r; j++) w->g[i][j] *= scale;
    }
}

bool dd__winograd_make(int m, int r, dd__winograd *w) {
    const double *points = points_of(m + r - 1);
    double all[DD__WINOGRAD_MOST][DD__WINOGRAD_MOST], inverse[DD__WINOGRAD_MOST][DD__WINOGRAD_MOST];
    if (!points || m < 1 || r < 1) return false;
    memset(w, 0, sizeof *w);
    w->m = m;
    w->r = r;
    w->a = m + r - 1;
    evaluate(points, w->a, m, w->points);
    evaluate(points, w->a, r, w->g);
    evaluate(points, w->a, w->a, all);
    invert(all, w->a, inverse);
    for (int i = 0; i < w->a; i++)
        for (int j = 0; j < w->a; j++) {
            double x = inverse[j][i];
            w->bt[i][j] = fabs(x) < 1e-12 ? 0 : x; /* what rounding left of a zero */
        }
    balance(w);
    return true;
}

int dd__winograd_outputs(int rows, int columns, int r) {
    long long least = 0;
    int found = 2;
    for (int m = 2; m + r - 1 <= DD__WINOGRAD_MOST && m <= 4; m += 2) {
        long long a = m + r - 1;
        long long cost = (long long)((rows + m - 1) / m) * ((columns + m - 1) / m) * a * a;
        if (least && cost >= least) continue;
        least = cost;
        found = m;
    }
    return found;
}

static size_t print_matrix(const char *name, const double (*matrix)[DD__WINOGRAD_MOST], int rows,
                           int columns, char *out, size_t size) {
    size_t used = (size_t)snprintf(out, size, " -D%s=", name);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns && used < size; j++)
            used += (size_t)snprintf(out + used, size - used, "%s%s%.10ff%s%s", i || j ? "," : "{",
                                     j ? "" : "{", matrix[i][j] + 0.0, j == columns - 1 ? "}" : "",
                                     j == columns - 1 && i == rows - 1 ? "}" : "");
    return used;
}

void dd__winograd_options(const dd__winograd *w, char *out, size_t size) {
    size_t used = (size_t)snprintf(out, size, "-DWM=%d -DWR=%d", w->m, w->r);
    used += print_matrix("WA", w->points, w->a, w->m, out + used, size - used);
    used += print_matrix("WG", w->g, w->a, w->r, out + used, size - used);
    print_matrix("WBT", w->bt, w->a, w->a, out + used, size - used);
}
