/* winograd.h: minimal filtering. F(m, r) computes m outputs of a filter of r taps from a = m + r -
 * 1 inputs with a multiplications, where m r are needed directly:
 *     y = A^T [(G w) * (B^T x)]                       y (m), w (r), x (a), * element by element
 * and in two dimensions the same on rows and columns (Winograd: "Arithmetic complexity of
 * computations", 1980; Lavin, Gray: "Fast algorithms for convolutional neural networks", 2016).
 */
#ifndef DD_OPS_WINOGRAD_H
#define DD_OPS_WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>

enum { DD__WINOGRAD_MOST = 8 }; /* largest a */

typedef struct dd__winograd {
    int m, r, a;
    double points[DD__WINOGRAD_MOST][DD__WINOGRAD_MOST]; /* A (a, m): powers of the points */
    double g[DD__WINOGRAD_MOST][DD__WINOGRAD_MOST];      /* G (a, r) */
    double bt[DD__WINOGRAD_MOST][DD__WINOGRAD_MOST];     /* B^T (a, a) */
} dd__winograd;

/* Makes the three matrices for m outputs and r taps, m + r - 1 = 4, 6 or 8; false for others. A row
 * belongs to a point: to 0, then to p and -p in pairs, last to infinity. So the rows of a pair, 2 k
 * - 1 and 2 k, are equal in even columns and opposite in odd ones, in all three. */
bool dd__winograd_make(int m, int r, dd__winograd *w);
/* The m, 2 or 4, whose tiles need the fewest multiplications for so many rows and columns of output. */
int dd__winograd_outputs(int rows, int columns, int r);
/* "-DWM=4 -DWR=5 -DWA={..} -DWG={..} -DWBT={..}": the matrices as options of a program. */
void dd__winograd_options(const dd__winograd *w, char *out, size_t size);

#endif
