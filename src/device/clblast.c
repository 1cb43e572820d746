/* clblast.c: matrix products by CLBlast. */
#include "device/recorder.h"

#ifndef DD_WITH_CLBLAST

bool dd__has_clblast(void) { return false; }

#else

#include <clblast_c.h>

#include "base/log.h"
#include "device/opencl.h"

bool dd__has_clblast(void) { return true; }

dd_status dd__clblast_sgemm(dd_device *device, const dd__gemm_shape *shape, const dd__buffer *a,
                            const dd__buffer *b, dd__buffer *c, cl_command_queue queue) {
    if (!device->clblast_used)
        dd__log(DD_LOG_INFO, "building CLBlast's kernels, which it keeps for this process only");
    device->clblast_used = true;
    CLBlastTranspose ta = shape->transpose_a ? CLBlastTransposeYes : CLBlastTransposeNo;
    CLBlastTranspose tb = shape->transpose_b ? CLBlastTransposeYes : CLBlastTransposeNo;
    CLBlastStatusCode code =
        CLBlastSgemm(CLBlastLayoutRowMajor, ta, tb, shape->m, shape->n, shape->k, 1.0f, a->memory,
                     0, shape->transpose_a ? shape->m : shape->k, b->memory, 0,
                     shape->transpose_b ? shape->k : shape->n, shape->accumulate ? 1.0f : 0.0f,
                     c->memory, 0, shape->n, &queue, NULL);
    if (code == CLBlastSuccess) return DD_OK;
    return dd__cl_fail(device, (cl_int)code, "CLBlast's product %zu x %zu x %zu", shape->m,
                       shape->n, shape->k);
}

/* The cache holds programs of the context that is about to go. */
void dd__clblast_close(dd_device *device) {
    if (device->clblast_used) CLBlastClearCache();
}

#endif
