/* digits.c: trains a network on made-up digits, measures it, and asks it about one image.
 *
 *     cc -std=c11 digits.c $(pkg-config --cflags --libs deepdigits) -o digits
 *     ./digits models/small.json [DEVICE]       DEVICE as for the program's --device
 */
#include <deepdigits.h>
#include <stdio.h>

enum { CLASSES = 10 };

static void on_notice(void *context, dd_log_level level, const char *line) {
    (void)context;
    if (level != DD_LOG_VERBOSE) fprintf(stderr, "%s\n", line);
}

static void on_progress(void *context, const dd_train_progress *progress) {
    (void)context;
    if (progress->epoch_done)
        printf("epoch %u of %u: loss %.4f, %.0f images/s\n", progress->epoch, progress->epochs,
               progress->loss, progress->images_per_second);
}

/* Two epochs on 2000 images: enough for a small network without batch norm, whose running statistics
 * take some hundred steps to settle. */
static dd_status train(dd_device *device, dd_model *model) {
    dd_dataset *digits = NULL;
    dd_status status = dd_dataset_load("synthetic:2000:1", DD_SPLIT_TRAIN, &digits);
    if (status == DD_OK) {
        const dd_train_options options = {.epochs = 2, .batch = 64, .progress = on_progress};
        dd_train_result result;
        status = dd_train(device, model, digits, NULL, &options, &result);
    }
    dd_dataset_free(digits);
    return status;
}

/* Measures the model on digits that it has not seen: another seed makes others. */
static dd_status evaluate(dd_device *device, const dd_model *model, const dd_dataset *digits) {
    dd_evaluation *evaluation = NULL;
    dd_status status = dd_evaluate(device, model, digits, 0, &evaluation);
    if (status == DD_OK)
        printf("accuracy %.4f on %zu images\n", evaluation->accuracy, evaluation->count);
    dd_evaluation_free(evaluation);
    return status;
}

/* Predicts one image, with the predictor that one would keep for many. */
static dd_status ask(dd_device *device, const dd_model *model, const dd_dataset *digits) {
    dd_predictor *predictor = NULL;
    dd_status status = dd_predictor_create(device, model, 1, &predictor);
    if (status == DD_OK) {
        float probabilities[CLASSES]; /* (1, CLASSES) */
        unsigned best = 0;
        status = dd_predict(predictor, dd_dataset_pixels(digits, 0), 1, probabilities);
        for (unsigned i = 1; status == DD_OK && i < CLASSES; i++)
            if (probabilities[i] > probabilities[best]) best = i;
        if (status == DD_OK)
            printf("a %d is taken for a %s with probability %.3f\n", dd_dataset_label(digits, 0),
                   dd_model_class_name(model, best), (double)probabilities[best]);
    }
    dd_predictor_free(predictor);
    return status;
}

static dd_status work(const char *network, const char *selector) {
    dd_device *device = NULL;
    dd_model *model = NULL;
    dd_dataset *unseen = NULL;
    dd_status status = dd_device_open(selector, NULL, &device);
    if (status == DD_OK) printf("device %s\n", dd_device_describe(device)->name);
    if (status == DD_OK) status = dd_model_load(network, &model);
    if (status == DD_OK) {
        dd_model_info info;
        dd_model_describe(model, &info);
        printf("network %s, %llu parameters\n", info.name, (unsigned long long)info.parameters);
        if (info.classes != CLASSES) fprintf(stderr, "digits: this example wants 10 classes\n");
        status = info.classes == CLASSES ? train(device, model) : DD_USAGE;
    }
    if (status == DD_OK) status = dd_dataset_load("synthetic:500:2", DD_SPLIT_TEST, &unseen);
    if (status == DD_OK) status = evaluate(device, model, unseen);
    if (status == DD_OK) status = ask(device, model, unseen);
    dd_dataset_free(unseen);
    dd_model_free(model);
    dd_device_close(device);
    return status;
}

int main(int argc, char **argv) {
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: digits NETWORK.json [DEVICE]\n");
        return 2;
    }
    dd_set_log(on_notice, NULL);
    const dd_status status = work(argv[1], argc > 2 ? argv[2] : NULL);
    if (status != DD_OK) fprintf(stderr, "digits: %s\n", dd_message());
    return dd_status_exit(status);
}
