/* Teachers: what the loss is with one, what a step learns from it, that it sees what the network sees, and
 * that a run goes on with what it was begun with. */
#include "fixture.h"

#include <math.h>

#include "model/model.h"

enum { CLASSES = 10, IMAGES = 512 };

#define NETWORK(name, side, units, head, layers)                                               \
    "{\"deepdigits\": \"network 1\", \"name\": \"" name "\", \"input\": {\"height\": 28, "     \
    "\"width\": " side ", \"channels\": 1}," head "\"layers\": [" layers                       \
    " {\"op\": \"flatten\"}, {\"op\": \"dense\", \"name\": \"logits\", \"units\": " units "}," \
    " {\"op\": \"softmax\"}]}"
static const char flat[] = NETWORK("flat", "28", "10", "", "");
static const char wide[] = NETWORK("wide", "30", "10", "", "");
static const char few[] = NETWORK("few", "28", "7", "", "");
static const char bright[] =
    NETWORK("bright", "28", "10", "\"preparation\": {\"scale\": 1, \"shift\": -0.5},", "");
static const char seeing[] =
    NETWORK("seeing", "28", "10", "",
            "{\"op\": \"conv2d\", \"filters\": 8, \"kernel\": 5, \"stride\": 2, \"activation\": "
            "\"relu\"}, {\"op\": \"max_pool\", \"kernel\": 2},");

static void assert_fine(dd_status status) {
    if (status != DD_OK) fail_msg("%s", dd_message());
}

static dd_model *make(const char *network, uint64_t seed) {
    dd_model *model;
    const char *path = in_run(".", "network.json");
    assert_fine(dd__file_write(path, network, strlen(network)));
    assert_fine(dd_model_load(path, &model));
    assert_fine(dd_model_initialize(model, seed));
    return model;
}

static const char *save(dd_model *model, const char *name) {
    const char *path = in_run(".", name);
    assert_fine(dd_model_save(model, path));
    dd_model_free(model);
    return path;
}

static dd__tensor *bias_of(dd_model *model) {
    for (size_t i = 0; i < model->tensor_count; i++)
        if (strcmp(model->tensors[i].name, "logits.bias") == 0) return &model->tensors[i];
    fail();
    return NULL;
}

/* Gives the same logits to every image: `step` times the class. */
static dd_model *make_biased(float step) {
    dd_model *model = make(flat, 1);
    for (size_t i = 0; i < model->tensor_count; i++)
        memset(model->tensors[i].data, 0, dd__dims_count(&model->tensors[i].dims) * sizeof(float));
    for (int c = 0; c < CLASSES; c++) bias_of(model)->data[c] = step * (float)c;
    return model;
}

/* Plain descent by a rate of 1e-3, one step an epoch, or by one that changes nothing. */
static dd_train_options descent(const char *teacher, const char *distill, bool moves) {
    return (dd_train_options){.epochs = 1,
                              .batch = IMAGES,
                              .teacher = teacher,
                              .distill = distill,
                              .optimizer = "sgd",
                              .momentum = -1,
                              .learning_rate = moves ? 1e-3 : 1e-30,
                              .schedule = "constant"};
}

/* ---- The loss ------------------------------------------------------------------------------ */

static const float network_step = 0.5f, teacher_step = -0.25f;

/* softmax of `step` times the class, divided by T. */
static void softmax(double step, double T, double p[CLASSES]) {
    double sum = 0;
    for (int c = 0; c < CLASSES; c++) sum += p[c] = exp(step * c / T);
    for (int c = 0; c < CLASSES; c++) p[c] /= sum;
}

typedef struct expected {
    double loss, gradient[CLASSES]; /* by the bias */
} expected;

static expected compute(double share, double T) {
    expected e = {0};
    double p[CLASSES], soft[CLASSES], q[CLASSES], labels[CLASSES] = {0};
    softmax((double)network_step, 1, p);
    softmax((double)network_step, T, soft);
    softmax((double)teacher_step, T, q);
    for (size_t i = 0; i < IMAGES; i++) labels[dd_dataset_label(data, i)] += 1.0 / IMAGES;
    for (int c = 0; c < CLASSES; c++) {
        e.loss += share * T * T * q[c] * log(q[c] / soft[c]) - (1 - share) * labels[c] * log(p[c]);
        e.gradient[c] = (1 - share) * (p[c] - labels[c]) + share * T * (soft[c] - q[c]);
    }
    return e;
}

static void test_the_loss_and_its_gradient_are_those_of_labels_and_answers(void **state) {
    (void)state;
    const struct {
        const char *distill;
        double share, temperature;
    } rows[] = {{NULL, 0.9, 2},
                {"share=0.5,temperature=1", 0.5, 1},
                {"share=1,temperature=4", 1, 4},
                {"temperature=0.5", 0.9, 0.5}};
    const char *teacher = save(make_biased(teacher_step), "biased.safetensors");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const expected e = compute(rows[i].share, rows[i].temperature);
        const dd_train_options options = descent(teacher, rows[i].distill, true);
        dd_train_result result;
        dd_model *model = make_biased(network_step);
        assert_fine(dd_train(device, model, data, NULL, &options, &result));
        assert_true(fabs(result.loss - e.loss) <= 1e-5 * e.loss);
        for (int c = 0; c < CLASSES; c++) {
            double moved = (double)(bias_of(model)->data[c] - network_step * (float)c);
            assert_true(fabs(moved + 1e-3 * e.gradient[c]) <= 1e-6);
        }
        dd_model_free(model);
    }
}

static void test_validation_is_of_labels_alone(void **state) {
    (void)state;
    double losses[2];
    for (int with = 0; with < 2; with++) {
        const char *teacher = save(make_biased(teacher_step), "biased.safetensors");
        const dd_train_options options = descent(with ? teacher : NULL, NULL, false);
        dd_train_result result;
        dd_model *model = make_biased(network_step);
        assert_fine(dd_train(device, model, data, validation, &options, &result));
        losses[with] = result.validation_loss;
        dd_model_free(model);
    }
    assert_true(losses[0] > 0 && losses[0] == losses[1]);
}

/* ---- The images ---------------------------------------------------------------------------- */

/* How far a step of `model` moves it, in all. */
static double moved(dd_model *model, const dd_train_options *options) {
    double sum = 0;
    dd_model *before;
    const char *path = in_run(".", "before.safetensors");
    assert_fine(dd_model_save(model, path));
    assert_fine(dd_model_load(path, &before));
    assert_fine(dd_train(device, model, data, NULL, options, NULL));
    for (size_t i = 0; i < model->tensor_count; i++)
        for (size_t k = 0; k < dd__dims_count(&model->tensors[i].dims); k++)
            sum += fabs((double)(model->tensors[i].data[k] - before->tensors[i].data[k]));
    dd_model_free(before);
    dd_model_free(model);
    return sum;
}

/* A network is its own teacher: there is nothing to learn where both see the same images. Shares of a step
 * are computed at a time, too. */
static void test_a_teacher_sees_the_images_as_they_were_augmented(void **state) {
    (void)state;
    const char *itself = save(make(seeing, 3), "itself.safetensors");
    const char *other = save(make(seeing, 4), "other.safetensors");
    for (unsigned parts = 1; parts <= 4; parts *= 4) {
        dd_train_options options = descent(itself, "share=1,temperature=1", true);
        options.augment = "rotation=30,width=0.2,height=0.2,zoom=0.3,elastic=2,erase=0.5";
        options.micro_batch = IMAGES / parts;
        double by_itself = moved(make(seeing, 3), &options);
        options.teacher = other;
        double by_other = moved(make(seeing, 3), &options);
        assert_true(by_other > 1e-3);
        assert_true(by_itself < 1e-4 * by_other);
    }
}

static void test_parts_of_a_batch_learn_what_the_batch_does(void **state) {
    (void)state;
    float bias[2][CLASSES];
    const char *teacher = save(make(seeing, 4), "other.safetensors");
    for (int parts = 0; parts < 2; parts++) {
        dd_train_options options = descent(teacher, NULL, true);
        options.augment = "digits";
        options.micro_batch = parts ? IMAGES / 8 : 0;
        dd_model *model = make(seeing, 3);
        assert_fine(dd_train(device, model, data, NULL, &options, NULL));
        memcpy(bias[parts], bias_of(model)->data, sizeof bias[parts]);
        dd_model_free(model);
    }
    for (int c = 0; c < CLASSES; c++) assert_true(fabsf(bias[0][c] - bias[1][c]) <= 1e-6f);
}

/* ---- Runs ---------------------------------------------------------------------------------- */

static dd_status train(const char *run, const char *teacher, const char *distill, unsigned epochs,
                       bool resume) {
    const dd_train_options options = {.epochs = epochs,
                                      .batch = 64,
                                      .seed = 7,
                                      .augment = "digits",
                                      .teacher = teacher,
                                      .distill = distill,
                                      .output = in_run(run, ""),
                                      .resume = resume};
    dd_model *model = make(seeing, 3);
    dd_status status = dd_train(device, model, data, validation, &options, NULL);
    dd_model_free(model);
    return status;
}

static void assert_refused(dd_status status, dd_status wanted, const char *part) {
    assert_int_equal(status, wanted);
    if (!strstr(dd_message(), part)) fail_msg("expected \"%s\" in: %s", part, dd_message());
}

static void test_a_run_goes_on_with_its_teacher_alone(void **state) {
    (void)state;
    dd_run *run;
    const char *teacher = save(make(seeing, 4), "teacher.safetensors");
    const char *moved_to = save(make(seeing, 4), "moved.safetensors");
    const char *other = save(make(seeing, 5), "other.safetensors");
    assert_fine(train("whole", teacher, "temperature=3", 3, false));
    assert_fine(train("broken", teacher, "temperature=3", 1, false));
    assert_refused(train("broken", NULL, NULL, 3, true), DD_USAGE,
                   "distill: the run to go on with");
    assert_refused(train("broken", other, "temperature=3", 3, true), DD_USAGE,
                   "teacher: the run to go on with has one with other weights than");
    assert_refused(train("broken", teacher, NULL, 3, true), DD_USAGE,
                   "distill: the run to go on with has \"share=0.9,temperature=3\", found");
    assert_fine(train("broken", moved_to, "temperature=3", 3, true));
    assert_same_file(in_run("whole", "last.safetensors"), in_run("broken", "last.safetensors"));
    assert_fine(dd_run_load(in_run("whole", ""), &run));
    assert_string_equal(run->options.teacher, teacher);
    assert_string_equal(run->options.distill, "share=0.9,temperature=3");
    dd_run_free(run);
}

static void test_a_teacher_that_cannot_teach_is_refused(void **state) {
    (void)state;
    const char *untrained = in_run(".", "untrained.json");
    const char *fine = save(make(seeing, 4), "fine.safetensors");
    assert_fine(dd__file_write(untrained, flat, sizeof flat - 1));
    const struct {
        const char *teacher, *distill;
        dd_status status;
        const char *part;
    } rows[] = {
        {untrained, NULL, DD_USAGE, "expected a trained model, found a network without weights"},
        {save(make(wide, 1), "wide.safetensors"), NULL, DD_SHAPE,
         "\"wide\" cannot teach network \"seeing\": images of 28x30x1 and 28x28x1"},
        {save(make(few, 1), "few.safetensors"), NULL, DD_SHAPE,
         "\"few\" cannot teach network \"seeing\": 7 classes and 10"},
        {save(make(bright, 1), "bright.safetensors"), NULL, DD_SHAPE,
         "channel 0 as pixel * 1 + -0.5 and pixel * 0.00392157 + 0"},
        {in_run(".", "none.safetensors"), NULL, DD_IO, "teacher: "},
        {fine, "share=0", DD_USAGE, "share: expected a number from 0.001 to 1"},
        {fine, "temperature=nan", DD_USAGE, "temperature: expected a number from 0.1 to 100"},
        {fine, "heat=2", DD_USAGE, "there is no setting \"heat\"; there are share, temperature"},
        {NULL, "share=0.5", DD_USAGE, "distill: expected a teacher as well, found none"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_refused(train("refused", rows[i].teacher, rows[i].distill, 1, false), rows[i].status,
                       rows[i].part);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_loss_and_its_gradient_are_those_of_labels_and_answers),
        cmocka_unit_test(test_validation_is_of_labels_alone),
        cmocka_unit_test(test_a_teacher_sees_the_images_as_they_were_augmented),
        cmocka_unit_test(test_parts_of_a_batch_learn_what_the_batch_does),
        cmocka_unit_test(test_a_run_goes_on_with_its_teacher_alone),
        cmocka_unit_test(test_a_teacher_that_cannot_teach_is_refused),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
