/* The error of minimal filtering, measured on the device beside that of a direct convolution, both
 * against sums in double. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "check/check.h"
#include "ops/ops.h"

#define FORM(title, op_, in0, in1, k, ...)                                                   \
    {                                                                                        \
        .op = op_, .name = title, .in = {in0, in1}, .attributes = &(const dd__conv2d) {      \
            .kernel = {k, k}, .stride = {1, 1}, .dilation = {1, 1}, .groups = 1, __VA_ARGS__ \
        }                                                                                    \
    }
/* x (N, H, H, C), w (K, K, C, O), y (N, P, P, O) of one geometry, all three passes. */
#define FORMS(title, n, h, c, k, o, p)                                                           \
    FORM(title " forward", "conv2d", DD__IN(NORMAL, n, h, h, c), DD__IN(NORMAL, k, k, c, o), k,  \
         .filters = o),                                                                          \
        FORM(title " data", "conv2d_backward_data", DD__IN(NORMAL, n, p, p, o),                  \
             DD__IN(NORMAL, k, k, c, o), k, .filters = o, .result = DD__CONST_DIMS(n, h, h, c)), \
        FORM(title " weights", "conv2d_backward_weights", DD__IN(NORMAL, n, h, h, c),            \
             DD__IN(NORMAL, n, p, p, o), k, .filters = o, .result = DD__CONST_DIMS(k, k, c, o))

static const dd__case forms[] = {
    FORMS("F(4x4,5x5) 64 to 128", 8, 12, 64, 5, 128, 8),
    FORMS("F(2x2,3x3) 128 to 256", 8, 4, 128, 3, 256, 2),
    FORMS("F(4x4,3x3) 32 to 32", 8, 10, 32, 3, 32, 8),
    FORMS("F(2x2,5x5) 32 to 32", 8, 6, 32, 5, 32, 2),
};

static void test_error_against_double_is_small_and_near_that_of_sums(void **state) {
    (void)state;
    dd_device *device;
    if (dd_device_open(NULL, NULL, &device) != DD_OK || dd__device_is_reference(device)) skip();
    for (size_t i = 0; i < DD_COUNT(forms); i++) {
        double direct, winograd;
        assert_int_equal(dd__check_error(device, &forms[i], "direct", &direct), DD_OK);
        dd_status status = dd__check_error(device, &forms[i], "winograd", &winograd);
        if (status != DD_OK) print_error("%s\n", dd_message());
        assert_int_equal(status, DD_OK);
        print_message("%-30s direct %.1e, minimal filtering %.1e\n", forms[i].name, direct,
                      winograd);
        assert_true(direct > 0 && direct < 1e-6);
        assert_true(winograd > 0 && winograd < (strstr(forms[i].name, "5x5") ? 1e-5 : 2e-6));
    }
    dd_device_close(device);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_against_double_is_small_and_near_that_of_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
