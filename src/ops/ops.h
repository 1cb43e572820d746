/* ops.h: all ops, by name. `extern const dd__op dd__op_<name>` is defined in its op's file.
 *
 * Adding an op: a row in ops.def, a file here, one in src/reference, a kernel in cl/, a case in
 * src/check/cases_<family>.c. Nothing else changes.
 */
#ifndef DD_OPS_OPS_H
#define DD_OPS_OPS_H

#include "graph/attributes.h"

#define DD_OP(name) extern const dd__op dd__op_##name;
#include "ops/ops.def"
#undef DD_OP

/* The op of this name, or NULL. */
const dd__op *dd__op_find(const char *name);
/* Op number i in the order of ops.def, or NULL after the last. */
const dd__op *dd__op_at(size_t i);

/* Sets alpha and beta, where they are NaN, to what they usually are for the kind. */
void dd__activation_settle(dd__activate *activate);
extern const char *const dd__activation_names[]; /* "linear", "relu", ...; NULL-terminated */

#endif
