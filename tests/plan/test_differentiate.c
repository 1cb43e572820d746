/* Differentiation: which nodes it adds, and what it says where there is no way. What gradients are is
 * checked op by op (tests/check/test_gradients.c). */
#include "plan/fixture.h"

#include "plan/differentiate.h"

/* An op that computes as flatten does, and has no gradient. */
static dd__op blind;

static int make_blind(void **state) {
    (void)state;
    blind = dd__op_flatten;
    blind.name = "blind";
    blind.gradient = NULL;
    return 0;
}

static dd__value *add_blind(dd__graph *graph, const char *name, dd__value *x) {
    dd__value *y;
    assert_fine(dd__graph_add1(graph, &blind, name, NULL, &x, 1, &y));
    return y;
}

static dd__value *dense(dd__graph *graph, const char *name, dd__value *x) {
    dd__value weight = {.dims = DD_DIMS(x->dims.d[1], 5), .fan_in = 1, .fan_out = 1};
    dd__value *in[2] = {x}, *y;
    assert_fine(dd__graph_parameter(graph, name, "weight", &weight, &in[1]));
    assert_fine(dd__graph_add1(graph, &dd__op_gemm, name, &(dd__gemm){.activation = DD__LINEAR}, in,
                               2, &y));
    return y;
}

static dd__graph *new_graph(dd__value **x) {
    dd__graph *graph;
    assert_fine(dd__graph_create(true, 5, &graph));
    assert_fine(dd__graph_input(graph, "x", DD__F32, DD_DIMS(4, 6), x));
    return graph;
}

static dd_status differentiate(dd__graph *graph, dd__value *y) {
    dd__value *seed, *gradients;
    assert_fine(dd__graph_input(graph, "seed", DD__F32, y->dims, &seed));
    return dd__graph_gradients(graph, y, seed, &gradients);
}

static void test_all_ops_without_a_gradient_are_named_in_their_order(void **state) {
    (void)state;
    dd__value *x;
    dd__graph *graph = new_graph(&x);
    dd__value *y = dense(graph, "first", add_blind(graph, "below", x));
    y = add_blind(graph, "two", dense(graph, "middle", add_blind(graph, "one", y)));
    size_t nodes = graph->node_count;
    assert_int_equal(differentiate(graph, dense(graph, "last", y)), DD_USAGE);
    assert_string_equal(dd_message(), "no gradient flows through op \"blind\" (layer \"one\"), op "
                                      "\"blind\" (layer \"two\"): what lies before can only be "
                                      "frozen");
    assert_int_equal(graph->node_count, nodes + 1); /* found out before any is added */
    dd__graph_free(graph);
}

/* Neither what no gradient reaches from above, nor what has nothing to learn below. */
static void test_ops_beside_the_way_need_none(void **state) {
    (void)state;
    dd__value *x;
    dd__graph *graph = new_graph(&x);
    graph->frozen = true;
    dd__value *y =
        add_blind(graph, "blind1", dense(graph, "frozen", add_blind(graph, "blind0", x)));
    graph->frozen = false;
    y = dense(graph, "learns", y);
    add_blind(graph, "seen by nobody", y);
    assert_fine(differentiate(graph, y));
    dd__graph_free(graph);
}

static size_t count_named(const dd__graph *graph, const char *part) {
    size_t count = 0;
    for (size_t n = 0; n < graph->node_count; n++)
        count += strstr(graph->nodes[n]->name, part) != NULL;
    return count;
}

static void test_nothing_is_computed_for_frozen_layers_or_below_all_others(void **state) {
    (void)state;
    dd__value *x;
    dd__graph *graph = new_graph(&x);
    graph->frozen = true;
    dd__value *y = dense(graph, "below", x);
    graph->frozen = false;
    y = dense(graph, "lowest", y);
    graph->frozen = true;
    y = dense(graph, "between", y);
    graph->frozen = false;
    y = dense(graph, "last", y);
    assert_fine(differentiate(graph, y));
    assert_int_equal(count_named(graph, "below."), 0);
    assert_int_equal(count_named(graph, "lowest.backward_weights"), 1);
    assert_int_equal(count_named(graph, "lowest.backward_data"), 0);
    assert_int_equal(count_named(graph, "between.backward_weights"), 0);
    assert_int_equal(count_named(graph, "between.backward_data"), 1);
    assert_int_equal(count_named(graph, "last.backward"), 2);
    dd__graph_free(graph);
}

static void test_parameters_of_frozen_layers_lie_among_the_statistics(void **state) {
    (void)state;
    dd__value *x;
    dd__graph *graph = new_graph(&x);
    graph->frozen = true;
    dd__value *y = norm(graph, "norm", dense(graph, "frozen", x));
    assert_ptr_equal(y->producer->op, &dd__op_batch_norm); /* the form of inference */
    graph->frozen = false;
    y = norm(graph, "trained", dense(graph, "learns", y));
    assert_ptr_equal(y->producer->op, &dd__op_batch_norm_training);
    const char *const kept[] = {"frozen.weight", "norm.gamma", "norm.beta", "trained.mean"};
    for (size_t i = 0; i < DD_COUNT(kept); i++) {
        const dd__value *value = dd__graph_find(graph, kept[i]);
        assert_ptr_equal(value->base, graph->statistics);
        assert_false(value->wants_gradient || value->decays);
    }
    assert_ptr_equal(dd__graph_find(graph, "learns.weight")->base, graph->parameters);
    assert_ptr_equal(dd__graph_find(graph, "trained.gamma")->base, graph->parameters);
    dd__graph_free(graph);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_ops_without_a_gradient_are_named_in_their_order),
        cmocka_unit_test(test_ops_beside_the_way_need_none),
        cmocka_unit_test(test_nothing_is_computed_for_frozen_layers_or_below_all_others),
        cmocka_unit_test(test_parameters_of_frozen_layers_lie_among_the_statistics),
    };
    return cmocka_run_group_tests(tests, make_blind, NULL);
}
