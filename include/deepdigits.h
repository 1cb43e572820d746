/* deepdigits.h: train convolutional networks and classify images on any OpenCL device.
 *
 * This is the whole public interface; the command line uses nothing else.
 *
 * Conventions
 *   Errors     Every call that can fail returns a dd_status. On failure dd_message() holds one line
 *              that says what was expected, what was found and where; it belongs to the calling
 *              thread and lasts until that thread's next failing call. The library never exits,
 *              aborts or prints (see dd_set_log). Any call may give DD_MEMORY; any that takes a
 *              device, DD_DEVICE.
 *   Ownership  What a call creates through an out parameter belongs to the caller, who hands it to
 *              the matching *_free or *_close; those take NULL. Inputs are const and never kept,
 *              unless said. On failure out parameters are not to be used.
 *   Layout     Images are row-major (count, height, width, channels); pixels are 8-bit, 0 is black,
 *              and digits are bright on black as in MNIST. Probabilities are (count, classes).
 *   Strings    UTF-8, NUL-terminated. NULL where a default makes sense.
 *   Threads    A device, and everything opened on it, is used by one thread at a time. A call that
 *              takes several devices uses each in a thread of its own, and calls back in the
 *              caller's. Devices are listed and opened by one thread at a time.
 *   Options    An options struct filled with zeros, or NULL, means the defaults, which each field
 *              names.
 */
#ifndef DEEPDIGITS_H
#define DEEPDIGITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define DD_API __attribute__((visibility("default")))
#else
#define DD_API
#endif

/* ---- Status ------------------------------------------------------------------------- */

/* name, the exit status of the command line, what it means */
#define DD_STATUS_MAP(X)                               \
    X(OK, 0, "done")                                   \
    X(USAGE, 2, "an argument or option is wrong")      \
    X(FORMAT, 2, "a file is not what it claims to be") \
    X(SHAPE, 2, "shapes do not fit")                   \
    X(IO, 2, "a file cannot be read or written")       \
    X(DEVICE, 1, "the device or its driver failed")    \
    X(MEMORY, 1, "not enough memory")                  \
    X(WRONG, 1, "a result is wrong or not finite")     \
    X(INTERRUPTED, 130, "interrupted by the user")

typedef enum dd_status {
#define DD_STATUS_ENUM(name, exit_status, text) DD_##name,
    DD_STATUS_MAP(DD_STATUS_ENUM)
#undef DD_STATUS_ENUM
} dd_status;

/* The calling thread's last failure, in one line; "" when nothing failed yet. */
DD_API const char *dd_message(void);
/* "DEVICE" for DD_DEVICE, and so on. */
DD_API const char *dd_status_name(dd_status status);
/* The exit status the command line gives for `status`: 0, 1, 2 or 130. */
DD_API int dd_status_exit(dd_status status);
/* "0.1.0" */
DD_API const char *dd_version(void);

/* ---- Log ---------------------------------------------------------------------------- */

typedef enum dd_log_level { DD_LOG_WARNING, DD_LOG_INFO, DD_LOG_VERBOSE } dd_log_level;
/* `line` has no newline and is not kept. */
typedef void dd_log_function(void *context, dd_log_level level, const char *line);
/* Where notices go (which device was chosen, kernels being built). NULL, the default, drops them.
 * The function is called by one thread at a time, which need not be that of the call at work. */
DD_API void dd_set_log(dd_log_function *function, void *context);

/* Asks a long call on any thread to stop at its next safe point with DD_INTERRUPTED, after saving.
 * Safe to call from a signal handler. Stays in force until dd_clear_interrupt(). */
DD_API void dd_interrupt(void);
DD_API void dd_clear_interrupt(void);

/* ---- Devices ------------------------------------------------------------------------ */

typedef enum dd_device_type {
    DD_DEVICE_REFERENCE, /* plain C, slow, always there: what every device is measured against */
    DD_DEVICE_CPU,
    DD_DEVICE_GPU,
    DD_DEVICE_ACCELERATOR,
} dd_device_type;

typedef struct dd_device_info {
    int index;          /* number in the flat list over all platforms, from 0; reference is last */
    int platform_index; /* the two numbers of "platform:device"; -1:-1 for the reference */
    int device_index;
    char name[256];
    char vendor[128];
    char platform[128];
    char platform_version[256];
    char driver[128];
    char version[128];    /* CL_DEVICE_VERSION */
    char extensions[512]; /* those that matter here, separated by blanks */
    dd_device_type type;
    unsigned compute_units;
    unsigned clock_mhz;    /* as the driver says, which may be 0 */
    unsigned vector_width; /* native floats a vector */
    uint64_t memory_bytes;
    uint64_t largest_allocation_bytes;
    uint64_t local_memory_bytes;
    bool local_memory_is_real; /* not emulated in global memory */
    bool has_fast_fma;
    bool is_default; /* what a NULL selector opens */
} dd_device_info;

typedef struct dd_device_list {
    dd_device_info *devices; /* (count) */
    size_t count;
    char **skipped; /* (skipped_count) one line each: what was passed over, and why */
    size_t skipped_count;
} dd_device_list;

/* All devices of all platforms, and the reference. Works, with a line in `skipped`, when no OpenCL
 * runtime is installed or one of them is broken. */
DD_API dd_status dd_device_list_create(dd_device_list **list);
DD_API void dd_device_list_free(dd_device_list *list);

typedef enum dd_kernel_class { DD_CLASS_AUTO, DD_CLASS_CPU, DD_CLASS_GPU } dd_kernel_class;

/* The least precise form in which a device of the GPU class may compute; sums are always float.
 *   F32   float
 *   TF32  products on matrix units, where there are any, round their factors to 10 bits of fraction
 *   BF16  to 7 bits
 *   F16   in inference: what lies between layers, and weights, are stored in half precision; products are
 *         computed in it where the device can
 * A device or an op without such a form computes more precisely. */
typedef enum dd_precision {
    DD_PRECISION_F32,
    DD_PRECISION_TF32,
    DD_PRECISION_BF16,
    DD_PRECISION_F16
} dd_precision;

typedef struct dd_device_options {
    unsigned threads;             /* of a CPU runtime; 0: as many as cores. First open decides. */
    dd_kernel_class kernel_class; /* which form of kernels; AUTO: $DEEPDIGITS_KERNEL_CLASS,
                                     else by the device's type */
    dd_precision precision;       /* that is allowed */
    uint64_t memory_bytes;        /* of its buffers together; 0, or more: 80 % of all it has */
    const char *implementations;  /* "conv2d=plain,gemm=direct:rows=4": forced, by op; NULL: none */
    bool without_selftest;        /* do not check what the device computes */
} dd_device_options;

typedef struct dd_device dd_device;

/* Opens the device that `selector` names: a number of the list, "platform:device", a part of a
 * device's, platform's or driver's name in any case, or cpu, gpu, reference. NULL:
 * $DEEPDIGITS_DEVICE, else the default. No device is trusted: the first time that one of its
 * kernels is needed, by training, prediction or measuring, the kernel passes a short self-test,
 * whose verdict is kept in the cache; those calls give DD_WRONG on a device that fails.
 *   options   NULL: defaults
 * DD_USAGE    no match, or several: the message lists the candidates
 * DD_DEVICE   the runtime failed, or there is none */
DD_API dd_status dd_device_open(const char *selector, const dd_device_options *options,
                                dd_device **device);
/* Waits for what is under way and frees the device. NULL is fine. Models and datasets outlive it;
 * predictors do not: free them first. */
DD_API void dd_device_close(dd_device *device);
/* Valid as long as the device. */
DD_API const dd_device_info *dd_device_describe(const dd_device *device);
/* Whether it multiplies matrices whose numbers are rounded to TF32 or BF16 on units of their own (tensor
 * cores): where the options of dd_device_open allow it. Found out at the first question, by a product. */
DD_API bool dd_device_has_matrix_units(dd_device *device, dd_precision format);

/* One row of a self-test: one op, one implementation, one case. */
typedef struct dd_selftest_row {
    const char *op, *implementation, *name;
    dd_status status;    /* OK, or why it failed */
    const char *message; /* with DD_OK: "" */
    double error;        /* largest, relative to the case's tolerance: 1 is just right */
    double seconds;
} dd_selftest_row;
typedef void dd_selftest_function(void *context, const dd_selftest_row *row);

typedef struct dd_selftest_result {
    size_t passed, failed, refused; /* refused: implementations not made for this device */
    double seconds;
} dd_selftest_result;

/* Runs every op's every implementation against the reference, then one training step end to end.
 *   quick     only the cases that take less than a second in all
 *   function  called for each row as it is known; may be NULL
 * DD_WRONG   something failed; the message names the first;  DD_DEVICE  the device gave up */
DD_API dd_status dd_selftest(dd_device *device, bool quick, dd_selftest_function *function,
                             void *context, dd_selftest_result *result);

/* ---- Arrays ------------------------------------------------------------------------- */

/* Numbers of any shape, row-major. */
enum { DD_ARRAY_RANK = 6 };
typedef struct dd_array {
    char *name;    /* of a model's input or output; may be NULL where there is one */
    unsigned rank; /* 0: a single number */
    uint32_t dims[DD_ARRAY_RANK];
    bool whole;  /* integers or booleans in the file they come from */
    float *data; /* (dims) */
} dd_array;

/* Reads a NumPy file (.npy) of real numbers, integers or booleans. DD_IO, DD_FORMAT */
DD_API dd_status dd_array_load(const char *path, dd_array *array);
/* Writes one, as float32, atomically. DD_IO */
DD_API dd_status dd_array_save(const char *path, const dd_array *array);
/* Sets the name, from the first `length` bytes of the text. */
DD_API dd_status dd_array_name(dd_array *array, const char *text, size_t length);
/* Frees name and data. */
DD_API void dd_array_clear(dd_array *array);

/* ---- Models ------------------------------------------------------------------------- */

/* A network, its tensors (none until initialised, trained or loaded), the names of its classes and
 * how its inputs are prepared. Lives in host memory, independent of any device. */
typedef struct dd_model dd_model;

/* Reads a network (.json), a model (.safetensors) or an ONNX model of images with one number a class
 * (.onnx, operator sets 7 to 21).
 * DD_IO, DD_FORMAT, DD_SHAPE with the file, the layer and the reason; of ONNX with all the nodes
 * that are not supported */
DD_API dd_status dd_model_load(const char *path, dd_model **model);
/* The same of an ONNX model with any inputs and outputs, for inputs of these shapes: what it gives
 * only dd_compute takes, in ONNX's own layouts. Whole numbers among the inputs, and what weights are
 * made from, are settled by their values now. Other files: as dd_model_load.
 *   inputs  (count) all that the model has
 * DD_USAGE, DD_SHAPE  inputs that are missing, unknown, or do not fit */
DD_API dd_status dd_model_load_for(const char *path, const dd_array *inputs, size_t count,
                                   dd_model **model);
/* Writes network, tensors, classes and preparation, atomically, as one file whose ending says the format:
 * .onnx (operator set 13, inference form, images (N, C, H, W)), .json (the network alone), else
 * safetensors.
 * DD_IO;  DD_USAGE  no tensors;  DD_FORMAT  ONNX has no such layer */
DD_API dd_status dd_model_save(const dd_model *model, const char *path);
DD_API void dd_model_free(dd_model *model);

/* Gives every parameter its initial value, from `seed` and the parameter's name alone. */
DD_API dd_status dd_model_initialize(dd_model *model, uint64_t seed);
/* Gives `model`, which has tensors, those of `from` that have the name and the shape of one of its
 * own, for training that begins with what another has learnt. *taken of *all were given.
 * DD_USAGE  none is, or one of the models has no tensors */
DD_API dd_status dd_model_transfer(dd_model *model, const dd_model *from, size_t *taken,
                                   size_t *all);
/* Sets how pictures become the model's input, and what its classes are called, which a model of another
 * program does not say. Texts that dd_model_describe and the like gave are no longer valid.
 *   preparation  "imagenet" (as torchvision's networks are fed), or {"scale": .., "shift": .., ..} as a
 *                network file has it; NULL: as it is
 *   names        (classes); NULL: as they are
 * DD_USAGE, DD_FORMAT */
DD_API dd_status dd_model_set_images(dd_model *model, const char *preparation,
                                     const char *const *names);
/* Makes of `from` a model for other classes: its last layer with parameters (dense, or conv2d as in
 * SqueezeNet, with activation, pool, flatten or softmax behind it) has `classes` outputs; all else is
 * copied. Where `from` has tensors, so has the new model: of the last layer initial ones from `seed`,
 * also where `from` had as many classes.
 *   names   (classes), which the model file will have; NULL: "0", "1", ...
 * DD_SHAPE   the network does not end so
 * DD_FORMAT  a name is empty, not UTF-8, or has control characters */
DD_API dd_status dd_model_for_classes(const dd_model *from, unsigned classes,
                                      const char *const *names, uint64_t seed, dd_model **model);
typedef struct dd_merge_options {
    const char *name; /* of the new network; NULL: "ensemble" */
    /* Views of an image that are predicted beside it, the edge repeated beyond it; 0: none of these. */
    double shift;    /* four, moved by so many pixels */
    double rotation; /* two, turned by so many degrees either way */
    double zoom;     /* two, 1 + zoom and 1 - zoom times as large */
} dd_merge_options;

/* Makes one model of several, an ensemble: what it predicts is the mean of what they predict, all for
 * the image and for each of its views. It is a network like any other, whose layers are those of the
 * members, called 1.conv1, 2.conv1 and so on, and a few behind them.
 *   members  (count) 1 to 16, with tensors; of the same input, preparation and classes
 *   options  NULL: defaults; with a single member it must ask for views
 * DD_USAGE, DD_SHAPE  they do not go together: the message names both
 * DD_FORMAT           a setting of the views is out of range */
DD_API dd_status dd_model_merge(const dd_model *const *members, size_t count,
                                const dd_merge_options *options, dd_model **merged);
/* Whether the model has tensors: was loaded with them, initialised or trained. */
DD_API bool dd_model_has_tensors(const dd_model *model);

typedef struct dd_model_info {
    const char *name;
    unsigned height, width, channels; /* of an input image; 0: it takes tensors (dd_compute) */
    unsigned classes;
    size_t layers;
    uint64_t parameters; /* numbers that training changes */
    uint64_t statistics; /* numbers that training keeps beside them: running means, ... */
    double mflop;        /* of one image, forward; a multiply and an add are two */
} dd_model_info;

typedef struct dd_layer_info {
    const char *name, *op;
    const char *settings; /* "kernel 5x5, filters 64, relu" */
    unsigned rank;
    unsigned output[6]; /* shape of the output; of a network of images without the batch */
    uint64_t parameters;
    double mflop;
    unsigned input_count;
    const int *inputs; /* (input_count) the layers it reads; -1: the image; of a network of tensors,
                          -1 - i: input i */
} dd_layer_info;

/* Fills `info`; its strings live as long as the model. */
DD_API void dd_model_describe(const dd_model *model, dd_model_info *info);
/* `layer` from 0 to info.layers - 1; DD_USAGE beyond. */
DD_API dd_status dd_model_layer(const dd_model *model, size_t layer, dd_layer_info *info);
/* Draws the network as an SVG file: a box a layer with its settings, shape and cost, an arrow for
 * each input. Readable in light and dark. DD_IO */
DD_API dd_status dd_model_diagram(const dd_model *model, const char *path);
/* The name of a class, "0".."9" for digits; NULL when there is no such class. */
DD_API const char *dd_model_class_name(const dd_model *model, unsigned index);

/* ---- Datasets ----------------------------------------------------------------------- */

/* Images of one size with or without labels, in host memory. */
typedef struct dd_dataset dd_dataset;

typedef enum dd_split { DD_SPLIT_TRAIN, DD_SPLIT_TEST } dd_split;

/* Loads `source`: a folder with MNIST's IDX files (plain or .gz), one IDX image file, a Kaggle CSV,
 * a folder of images with one folder a class, or "synthetic[:COUNT[:SEED]]".
 *   split   which part, where the source has two (train-*, t10k-*; train.csv, test.csv;
 *           train/, test/); ignored by a single file
 * DD_IO, DD_FORMAT, with file, position, what was expected and found */
DD_API dd_status dd_dataset_load(const char *source, dd_split split, dd_dataset **dataset);
/* The same for use with `model`: where the source is a folder of images, of whatever sizes, each becomes the
 * model's input as dd_classify has it (DD_PREPARE_AUTO, and the model's own preparation), but for those of its
 * size, which stay as they are; and class folders that are all named as classes of the model have those
 * classes' numbers.
 *   own_classes  they have numbers of their own all the same, for a model that will get new classes */
DD_API dd_status dd_dataset_load_for(const dd_model *model, const char *source, dd_split split,
                                     bool own_classes, dd_dataset **dataset);
/* A dataset of what is in memory, which is copied; pixels (count, height, width, channels), labels
 * (count) from 0 to classes - 1, or NULL.
 * DD_USAGE, DD_FORMAT   no images, or a label out of range */
DD_API dd_status dd_dataset_create(const uint8_t *pixels, const int32_t *labels, size_t count,
                                   unsigned height, unsigned width, unsigned channels,
                                   unsigned classes, dd_dataset **dataset);
/* Divides at random: round(count * fraction) examples go to `second`, the rest to `first`.
 * DD_USAGE unless both get at least one. */
DD_API dd_status dd_dataset_divide(const dd_dataset *dataset, double fraction, uint64_t seed,
                                   dd_dataset **first, dd_dataset **second);
/* K-fold cross-validation: divides at random into `folds` parts whose sizes differ by at most one;
 * part `fold`, from 1, goes to `second`, the others to `first`. With one seed every example is in
 * one part.
 * DD_USAGE unless 2 <= folds <= count and 1 <= fold <= folds */
DD_API dd_status dd_dataset_fold(const dd_dataset *dataset, unsigned folds, unsigned fold,
                                 uint64_t seed, dd_dataset **first, dd_dataset **second);
/* Divides by a list: the examples whose numbers, from 0, `path` holds go to `second`, in their order, the
 * others to `first`. A text file, plain or gzip, a number a line; what follows a # is nothing.
 * DD_IO, DD_FORMAT with the line;  DD_USAGE unless both get at least one */
DD_API dd_status dd_dataset_divide_by(const dd_dataset *dataset, const char *path,
                                      dd_dataset **first, dd_dataset **second);
/* Divides as the part that `how` describes was: one of these three. */
struct dd_dataset_info;
DD_API dd_status dd_dataset_divide_as(const dd_dataset *dataset, const struct dd_dataset_info *how,
                                      dd_dataset **first, dd_dataset **second);
/* Puts copies of the examples of `more` behind those of `dataset`, which is described as before, with
 * more's source as `added`. Whatever fails, `dataset` is as it was.
 * DD_SHAPE   images of another size, labels on one side alone, classes that `dataset` does not have */
DD_API dd_status dd_dataset_append(dd_dataset *dataset, const dd_dataset *more);
DD_API void dd_dataset_free(dd_dataset *dataset);

typedef struct dd_dataset_info {
    size_t count;
    unsigned height, width, channels, classes;
    bool has_labels;
    const char *source; /* what dd_dataset_load was given; NULL: made otherwise */
    dd_split split;
    double fraction;      /* of a part that dd_dataset_divide made: as it was given; else 0 */
    unsigned folds, fold; /* of a part that dd_dataset_fold made; else 0 */
    uint64_t division;    /* seed of either */
    const char *list;     /* of a part that dd_dataset_divide_by made: its path; else NULL */
    const char *added;    /* source of what dd_dataset_append put behind the others, or NULL */
} dd_dataset_info;
/* Fills `info`; its strings live as long as the dataset. */
DD_API void dd_dataset_describe(const dd_dataset *dataset, dd_dataset_info *info);
/* (height, width, channels); valid as long as the dataset; NULL when there is no such image. */
DD_API const uint8_t *dd_dataset_pixels(const dd_dataset *dataset, size_t index);
/* The number of the image in the data that was loaded, before it was divided. */
DD_API size_t dd_dataset_origin(const dd_dataset *dataset, size_t index);
/* -1 without labels. */
DD_API int dd_dataset_label(const dd_dataset *dataset, size_t index);
/* "7", or the folder's name; NULL when there is no such class. */
DD_API const char *dd_dataset_class_name(const dd_dataset *dataset, unsigned index);

/* Writes pixels (height, width, channels), 1 or 3 channels, as a PNG file, atomically.
 * DD_USAGE   no pixels, or other channels;  DD_IO */
DD_API dd_status dd_image_save(const char *path, const uint8_t *pixels, unsigned height,
                               unsigned width, unsigned channels);

/* The dataset as a network sees it in epoch `epoch` (from 1) of a training with this `augment` (see
 * dd_train_options) and `seed`: image i of `augmented` comes from image i, values rounded to 8 bits.
 * DD_USAGE   `augment` is wrong */
DD_API dd_status dd_dataset_augment(dd_device *device, const dd_dataset *dataset,
                                    const char *augment, uint64_t seed, unsigned epoch,
                                    dd_dataset **augmented);

/* ---- Training ----------------------------------------------------------------------- */

typedef enum dd_keep { DD_KEEP_BEST, DD_KEEP_LAST } dd_keep;

/* What a progress function is told, after steps (epoch_done false) and after each epoch. */
typedef struct dd_train_progress {
    unsigned epoch, epochs; /* epoch from 1 */
    uint64_t step, steps;   /* of this epoch */
    bool epoch_done;
    double learning_rate;
    double loss, accuracy;                       /* mean over the epoch so far */
    double validation_loss, validation_accuracy; /* NaN without validation or before the end */
    double images_per_second;
    double seconds, seconds_left;
} dd_train_progress;
typedef void dd_train_function(void *context, const dd_train_progress *progress);

typedef struct dd_train_options {
    unsigned epochs; /* 0: 50 */
    unsigned batch;  /* images a step; 0: 128 */
    unsigned
        micro_batch; /* computed at a time at most; 0: as many as fit into memory. See below. */
    uint64_t seed;   /* initial weights, shuffle, augmentation, dropout; 0: 42 */
    /* Share of a label's weight that all classes get alike, 0 to below 1; 0: none. See below. */
    double label_smoothing;
    const char *optimizer; /* "sgd", "adam", "adamw"; NULL: adam */
    double learning_rate;  /* 0: the optimizer's own: sgd 0.01, adam and adamw 0.001 */
    double momentum;       /* of sgd; 0: 0.9; negative: none */
    double weight_decay;   /* of adamw and sgd; 0: adamw 0.01, sgd none */
    const char *schedule;  /* how the learning rate changes; NULL: "plateau". See below. */
    const char *augment;   /* how training images change; NULL: "none". See below. */
    const char *freeze;    /* layers that are not trained; NULL or "": none. See below. */
    const char *teacher;   /* file of a model to learn from as well; NULL or "": none. See below. */
    const char *distill;   /* how it teaches; NULL: as below. */
    double average; /* decay of an average of the weights, which is kept in their place; 0: none */
    unsigned early_stop; /* ends after so many epochs without a better validation loss, for which
                              there must be validation images; 0: never */
    dd_keep keep;        /* which weights the model has afterwards: BEST by validation loss */
    const char *output;  /* a folder for what dd_train writes; NULL: nothing is written */
    bool resume;         /* go on where the run in `output` stopped */
    const char *command; /* recorded in run.json, when it begins a run; NULL: none */
    dd_train_function *progress;
    void *context; /* for progress */
} dd_train_options;

/* Schedules: a name, and behind a colon the settings that differ from these.
 *   constant
 *   plateau:factor=0.5,patience=3,threshold=0.0001,floor=0.00001
 *               the rate times factor when the validation loss (without validation, the loss) has
 *               for `patience` epochs not been less than the best by more than `threshold`; never
 *               below `floor`. Keras' ReduceLROnPlateau.
 *   step:factor=0.1,every=10          the rate times factor after every so many epochs
 *   cosine:floor=0                    down to `floor` on half a cosine over all epochs
 *   one-cycle:rise=0.3,start=0.04,end=0.000004
 *               the rate times `start` up to the rate in the first share `rise` of all steps, then
 *               down on half a cosine to the rate times `end` (Smith, Topin: "Super-convergence",
 *               2017)
 * All but one-cycle also take warm-up=E: E epochs, or a part of one, in which the rate rises from
 * near 0 in a straight line.
 *
 * Augmentation: "none", "digits" (the ranges below), or settings alone: "rotation=10,zoom=0.1".
 *   rotation=10    degrees, uniform in -rotation .. rotation
 *   width=0.1      shift to the side, in parts of the width, uniform in -width .. width
 *   height=0.1     shift up or down, in parts of the height
 *   shear=0.2      degrees
 *   zoom=0.1       each axis by its own factor, uniform in 1 - zoom .. 1 + zoom
 * as Keras' ImageDataGenerator has them, pixels between others interpolated, the edge repeated
 * beyond it; not among the ranges of "digits" are
 *   elastic=1      pixels (standard deviation) that each point of a grid of 4x4 moves by, and what lies
 *                  between them with it
 *   thickness=0.5  bright strokes thicker or thinner; 1: by up to a pixel on each side
 *   blur=0.5       up to this share of a pixel comes from its neighbours
 *   contrast=0.3   up to this share of the brightness is taken away
 *   background=0.2 up to this brightness is given to what is black
 *   erase=0.2      a square becomes black, its side up to this part of the image
 * An image's changes follow from the seed, the epoch and its place in the data. */

/* Label smoothing: with a share S an image is to be its label with probability 1 - S + S / classes, and each
 * other class with S / classes (Szegedy et al., 2016), which keeps the network from being too sure. The
 * loss of training is measured against that; those of validation and evaluation are plain. */

/* Freezing: layers that stay as they are, for a model that has learnt, separated by commas.
 *   conv1          the layer of that name; * stands for any characters: block1.*
 *   until:pool3    the layers up to this one, in the order of the network
 *   all-but-head   up to the last but one that has parameters, so that the last one alone is trained
 * Their parameters and running values do not change, in no bit. They compute as in inference: batch norm
 * normalises with its running values, dropout drops nothing. Nothing is computed for their gradients, nor
 * for those of what lies before all trained layers, so that a step takes less time and memory. Where a
 * gradient must flow through ops that have none, dd_train says which, before it begins. */

/* Teachers: a trained model, an ensemble or any other that takes the same images and tells the same classes
 * apart, gives its answer to each image as it was augmented, and the network learns to give the same one
 * (Hinton, Vinyals, Dean 2015). In `distill`:
 *   share=0.9        of the teacher's answer in the loss, above 0 to 1; the labels have the rest
 *   temperature=2    that the logits of both are divided by, so that what the teacher takes for unlikely
 *                    counts for more
 * The loss of training is that of both together, with an answer's entropy in it; those of validation and
 * evaluation are plain. A step takes longer by what the teacher takes for inference. */

/* Averages: with `average` (0.999, say) an exponential moving average of the weights is kept beside them
 * (Polyak, Juditsky 1992): after step s it keeps min(average, s / (s + 10)) of itself. It is what is
 * measured on the validation set and what the model has afterwards, with the running values of batch
 * norm taken anew from up to 10,000 of the training images, as they are, after every epoch. */

/* Micro-batches: a batch that does not fit into the device's memory, or `micro_batch` of fewer images,
 * is computed in parts of equal size: the largest divisor of the batch that fits. Their gradients are
 * added up before the update, so a step, the learning rate, losses, dropout and augmentation are those
 * of the whole batch, but for rounding (dropout where a layer's numbers for a part are a multiple of 8;
 * else it draws others). Batch norm normalises each part by itself, which trains as with smaller
 * batches: with very few images worse; its running values take the average of a step's parts as one
 * batch. The same parts give the same bytes. */

/* Whether the options make sense by themselves, before there are data; dd_train looks again.
 * DD_USAGE names the one that does not, and what it may be */
DD_API dd_status dd_train_options_check(const dd_train_options *options);

typedef struct dd_train_result {
    unsigned epochs;                             /* finished */
    unsigned epochs_before;                      /* of them, when the run was gone on with */
    unsigned micro_batch;                        /* images that were computed at a time */
    bool stopped_early;                          /* by options.early_stop */
    unsigned best_epoch;                         /* 0 without validation */
    double loss, accuracy;                       /* of the last epoch */
    double validation_loss, validation_accuracy; /* of the model kept; NaN without validation */
    double seconds;                              /* of training, without loading and building */
    double images_per_second;
} dd_train_result;

/* Trains `model` on `data`; `validation` may be NULL (then the last weights are kept). A model
 * without tensors is initialised from the seed. Two calls with the same arguments on one device
 * give the same bytes. A training set smaller than the batch is one batch; otherwise each epoch
 * leaves out the count % batch images that come last in its own shuffle.
 *
 * `output` holds, each file whole at any time:
 *   model.safetensors         the weights that `keep` asks for
 *   last.safetensors          with BEST: those of the last epoch; with LAST: best.safetensors;
 *                             without validation neither
 *   checkpoint/               everything to go on with, on this device or another: written after
 *                             each epoch, each minute, and when interrupted
 *   history.csv, run.json     a row an epoch; everything needed to repeat the run
 * What another run left there under these names is removed first.
 * With `resume` the run in `output` goes on up to `epochs`; the model must have its network, data and
 * options must be the same, except epochs, micro_batch, early_stop, output, command and progress, and
 * `teacher`, whose weights must be. On the same device the files become what an unbroken run would have
 * made (but for times and dates), unless the schedule is laid out over all epochs (cosine, one-cycle) and
 * these are others now, or micro_batch is. Unless that is asked for anew, parts of a batch stay as large
 * as they were; smaller where they do not fit any more.
 *   result   may be NULL
 * DD_USAGE         the data has no labels, or an option makes no sense, or is not that of the run to
 *                  go on with; a layer to freeze is not there, or none is left to train; a layer on the
 *                  way to what is trained has no gradient
 * DD_SHAPE         data and network do not fit
 * DD_IO            the output folder cannot be written
 * DD_WRONG         the loss is no longer finite: the last good weights are kept
 * DD_MEMORY        not even one image at a time fits; the message has the sizes
 * DD_DEVICE        the device gave up: the message names the checkpoint to go on from
 * DD_INTERRUPTED   after saving; where that fails, its reason instead */
DD_API dd_status dd_train(dd_device *device, dd_model *model, const dd_dataset *data,
                          const dd_dataset *validation, const dd_train_options *options,
                          dd_train_result *result);

typedef struct dd_epoch { /* what became of an epoch: a row of history.csv */
    unsigned epoch;       /* from 1 */
    double loss, accuracy;
    double validation_loss, validation_accuracy; /* NaN without validation */
    double learning_rate;                        /* of its last step */
    double seconds, images_per_second;
} dd_epoch;

/* What run.json records. */
typedef struct dd_run {
    dd_model *model;          /* the network, without tensors */
    dd_train_options options; /* settled, with `output` the folder it was read from */
    dd_dataset_info data;     /* of the training part: source, split, how it was divided */
    size_t validation_count;
    const char *device, *platform, *driver; /* names */
    const char *selector; /* of the device, as it was given or $DEEPDIGITS_DEVICE had it; "" for the
                             default */
    dd_device_options device_options; /* that it was opened with */
    const char *hash;                 /* names the training and validation images by content */
    const char *version;              /* of the library */
    const char *written;              /* "2026-11-23T18:00:00Z" */
    const char *outcome; /* "running", "finished", "stopped early", "interrupted", "diverged", or
                            "failed" when the device gave up */
    unsigned best_epoch; /* 0 without validation */
    dd_epoch *epochs;    /* (epoch_count) */
    size_t epoch_count;
} dd_run;
/* Reads `folder`/run.json. DD_IO, DD_FORMAT */
DD_API dd_status dd_run_load(const char *folder, dd_run **run);
DD_API void dd_run_free(dd_run *run);

/* Writes `folder`/report.html, one page that needs no network: curves, the network, digits as they
 * are and augmented, predictions, the confusion matrix, calibration, what was got wrong.
 *   device   predicts; the page needs the run's model and data
 *   data     for when the data has moved; NULL: where run.json says, and if it cannot be loaded,
 *            the page is without the parts that show it, and says so
 * DD_IO, DD_FORMAT  run.json, the model or `data` cannot be read */
DD_API dd_status dd_report(dd_device *device, const char *folder, const char *data);

/* ---- Evaluation and prediction ------------------------------------------------------ */

/* Images whose prediction has a probability above i / 15 and of at most (i + 1) / 15 are in bin i. */
enum { DD_CALIBRATION_BINS = 15 };
typedef struct dd_calibration_bin {
    size_t count;
    double confidence; /* their mean probability; NaN without images */
    double accuracy;   /* the share of them that is right; NaN without images */
} dd_calibration_bin;

typedef struct dd_evaluation {
    size_t count;
    unsigned classes;
    double loss;         /* mean cross-entropy */
    double accuracy;     /* 0..1 */
    double *top_k;       /* (min(classes, 5)) share with the label among the first k + 1 */
    uint64_t *confusion; /* (classes, classes) row: label, column: predicted */
    int32_t *predicted;  /* (count) */
    float *probability;  /* (count) of the predicted class */
    /* |accuracy - confidence|, the mean over the bins weighted by their images: the expected calibration
     * error of Guo, Pleiss, Sun, Weinberger: "On Calibration of Modern Neural Networks", 2017. */
    double calibration_error;
    dd_calibration_bin calibration[DD_CALIBRATION_BINS];
} dd_evaluation;

/* Predicts every image of `data`, `batch` at once as a predictor does, and compares with its label.
 * DD_USAGE   the dataset has no labels or the model no tensors
 * DD_SHAPE   they do not fit
 * DD_WRONG   a probability is not finite */
DD_API dd_status dd_evaluate(dd_device *device, const dd_model *model, const dd_dataset *data,
                             unsigned batch /* 0: 128 */, dd_evaluation **evaluation);
DD_API void dd_evaluation_free(dd_evaluation *evaluation);

/* A model compiled for a device and a batch size, for repeated use. */
typedef struct dd_predictor dd_predictor;
/* Builds the model's kernels and copies its weights to the device: the model may be freed, the
 * device must stay open.
 *   batch     images that are computed at once; 0: 64. Fewer where so many do not fit into memory.
 * DD_USAGE    the model has no tensors */
DD_API dd_status dd_predictor_create(dd_device *device, const dd_model *model, unsigned batch,
                                     dd_predictor **predictor);
DD_API void dd_predictor_free(dd_predictor *predictor);
/* pixels (count, height, width, channels) as the model's input; any count;
 * probabilities (count, classes), each row adds up to 1. Blocks until done. */
DD_API dd_status dd_predict(dd_predictor *predictor, const uint8_t *pixels, size_t count,
                            float *probabilities);

/* Computes a model once, on numbers: of a network of images those that it reads, prepared, (count, height,
 * width, channels), and its last layer's are the output; else its inputs and outputs by name.
 *   inputs   (input_count)
 *   outputs  *output_count of them; each to be cleared, and the array freed, with dd_arrays_free
 * DD_USAGE, DD_SHAPE  the model has no tensors, or other inputs */
DD_API dd_status dd_compute(dd_device *device, const dd_model *model, const dd_array *inputs,
                            size_t input_count, dd_array **outputs, size_t *output_count);
DD_API void dd_arrays_free(dd_array *arrays, size_t count);

/* ---- Folders of images -------------------------------------------------------------- */

typedef enum dd_prepare {
    DD_PREPARE_AUTO,  /* NONE when the image has the model's size, and, where the model was trained
                         on pictures like MNIST's, is one (bright on black, as large and in the
                         middle); else DIGIT for one-channel models whose preparation does not
                         crop, PLAIN otherwise */
    DD_PREPARE_DIGIT, /* find the one digit on a scan or photograph, in whatever colours and light,
                         make it bright on black, fit and centre it as MNIST does; nothing found is
                         a black picture */
    DD_PREPARE_PLAIN, /* resize as the model's preparation says: stretched, or the middle cut out */
    DD_PREPARE_NONE,  /* refuse what does not fit */
} dd_prepare;

typedef struct dd_classify_row {
    const char *path;
    dd_status status;
    const char *message;        /* "ok", "no ink", or why the file could not be classified */
    unsigned count;             /* of the entries below, best first; 0 on failure */
    const int *classes;         /* (count) */
    const char *const *labels;  /* (count) "?" first when below the threshold or without ink */
    const float *probabilities; /* (count) */
} dd_classify_row;
/* Called in the order of the input. Anything but DD_OK ends the job with that status. */
typedef dd_status dd_classify_function(void *context, const dd_classify_row *row);

typedef struct dd_classify_options {
    unsigned batch;   /* 0: 64 */
    unsigned top_k;   /* 0: 1 */
    double threshold; /* below this probability the label is "?"; 0: never */
    dd_prepare prepare;
    const char *dump_prepared; /* a folder for what the network saw, as PNG; NULL: none */
    unsigned decode_threads;   /* that read files; 0: as many as there are cores */
    bool null_ended;           /* paths on standard input end with a NUL instead of a new line */
} dd_classify_options;

typedef struct dd_classify_share { /* what one of the devices did */
    dd_device *device;
    size_t images;
    dd_status status;    /* why it was left out, if not DD_OK */
    const char *message; /* the same in words, or NULL */
} dd_classify_share;

typedef struct dd_classify_result {
    size_t files, failed; /* rows */
    double seconds, images_per_second;
    dd_classify_share *shares; /* (share_count), in the order of the devices */
    size_t share_count;
} dd_classify_result;

/* Classifies files, and folders recursively in the order of their names; "-" stands for paths on
 * standard input, one a line. A file that cannot be read is a row with its reason, never the end of
 * the job. Files are found, read and computed at the same time, and memory is bounded however many
 * there are: by the names in one folder, and by the images that are read at once.
 * A batch goes to whichever device is free. One that fails, from its self-test on, is left out with
 * a warning (dd_set_log), and what it was at is done by another; when none is left, that is the end,
 * with the status of the last failure, after the rows of what was computed. Free the result's shares
 * with dd_classify_result_clear, after a failure too.
 *   devices   (device_count) at least one, each opened by itself
 *   result    NULL: not wanted
 * DD_USAGE  nothing to classify;  DD_IO  a path that does not exist is a row, not this */
DD_API dd_status dd_classify(dd_device *const *devices, size_t device_count, const dd_model *model,
                             const char *const *paths, size_t path_count,
                             const dd_classify_options *options, dd_classify_function *function,
                             void *context, dd_classify_result *result);
DD_API void dd_classify_result_clear(dd_classify_result *result);

/* ---- Measuring ---------------------------------------------------------------------- */

typedef struct dd_bench_options {
    bool train;         /* a training step; else inference */
    const char *freeze; /* of a training step: as in dd_train_options */
    unsigned batch;     /* 0: 128 */
    double seconds;     /* measured at least; 0: 3 */
    bool profile;       /* also time each node */
} dd_bench_options;

typedef struct dd_bench_node { /* one row of a profile */
    const char *name, *op;
    const char *implementation; /* with what is set of it: "direct:rows=4" */
    double seconds;             /* a run */
    double gflops;              /* achieved; 0 where nothing is counted */
    unsigned launches;          /* a run */
    double bytes; /* a run reads and writes at least: inputs and outputs, each once, and twice
                          what is changed in place; scratch does not count */
} dd_bench_node;

typedef struct dd_bench_result {
    double images_per_second;
    double p50_us, p90_us, p99_us, mean_us; /* one run of one batch */
    double gflops;                          /* as direct convolution would need them */
    double build_ms;                        /* compile the graph and its kernels */
    double programs_ms;    /* of it: programs, from the cache or built from source */
    double check_ms;       /* of it: the self-test of kernels that are new */
    double plan_ms;        /* of it, the rest: graph, memory, launches, weights and data */
    double first_ms;       /* first run, with what drivers compile only then */
    double warm_up_ms;     /* the runs after it until they were steady */
    double steady_ms;      /* the runs measured */
    uint64_t runs;         /* measured */
    uint64_t device_bytes; /* allocated on the device */
    dd_bench_node *nodes;  /* (node_count), with profile */
    size_t node_count;
} dd_bench_result;

/* Warms up until steady, then measures whole runs, results fetched each time. A model without
 * tensors gets random ones. Free the result's nodes with dd_bench_result_clear.
 * DD_MEMORY  the batch does not fit: a measurement is of the batch that it names, so it is never split */
DD_API dd_status dd_bench(dd_device *device, const dd_model *model, const dd_bench_options *options,
                          dd_bench_result *result);
DD_API void dd_bench_result_clear(dd_bench_result *result);

/* What the device reaches at best, measured with small kernels for 0.15 s each, after
 * building them: the two lines of a roofline. 0 on the reference, which runs no kernels.
 *   dd_peak_gflops  fused multiply-adds in registers, on all compute units, in float32; one is two
 *                   operations
 *   dd_peak_gbytes  10^9 bytes a second that a[i] = b[i] + s * c[i] reads and writes, over more
 *                   memory than most caches hold (96 MiB; on a GPU 384)
 * DD_WRONG  the kernel's result is wrong, so its time means nothing */
DD_API dd_status dd_peak_gflops(dd_device *device, double *gflops);
DD_API dd_status dd_peak_gbytes(dd_device *device, double *gbytes_per_second);

typedef struct dd_tune_options {
    unsigned batch; /* 0: 128 */
    double seconds; /* stops after so many, at the next candidate; 0: 60 */
    bool again;     /* measures what is known already as well */
} dd_tune_options;

typedef enum dd_tune_event {
    DD_TUNE_TIMED,    /* a candidate */
    DD_TUNE_REJECTED, /* a candidate: `reason` */
    DD_TUNE_CHOSEN,   /* what is kept, when the search for a node ends */
} dd_tune_event;

typedef struct dd_tune_step {
    dd_tune_event event;
    const char *op, *shape;
    const char *choice; /* "winograd:rows=4:block=2": an implementation, and what is set of it */
    const char *reason; /* when rejected, else NULL */
    double seconds;     /* a run; 0 when rejected */
} dd_tune_step;
typedef void dd_tune_function(void *context, const dd_tune_step *step);

typedef struct dd_tune_row {               /* nodes that are alike */
    const char *name;                      /* of the first */
    const char *op, *shape, *standard;     /* the last: the implementation that is the default */
    const char *choice;                    /* "": none is known */
    double default_seconds, tuned_seconds; /* a run; 0: not known */
    unsigned training, inference;          /* how many there are in a training step, in inference */
    bool complete;                         /* the search had the time for everything */
} dd_tune_row;

typedef struct dd_tune_total { /* of all nodes whose times are known */
    double default_seconds, tuned_seconds;
} dd_tune_total;

typedef struct dd_tune_result {
    size_t measured;   /* candidates, by this call */
    size_t incomplete; /* rows that a further call would work on */
    dd_tune_row *rows; /* (row_count), dearest first */
    size_t row_count;
    dd_tune_total training, inference;
} dd_tune_result;

/* Measures the implementations of the model's ops, and tile shapes and the like of the best ones,
 * and keeps the fastest correct ones, for this device and driver, in the tuning file that every
 * later run reads. A further call goes on where the time of the last was over. `options` NULL: as
 * zeros; `function` NULL: nobody is told. Free the result with dd_tune_result_clear, after a failure
 * too; it is also there when this was interrupted.
 * DD_USAGE  the device is the reference */
DD_API dd_status dd_tune(dd_device *device, const dd_model *model, const dd_tune_options *options,
                         dd_tune_function *function, void *context, dd_tune_result *result);
DD_API void dd_tune_result_clear(dd_tune_result *result);

/* ---- Caches ------------------------------------------------------------------------- */

typedef struct dd_cache_info {
    char folder[4096]; /* $DEEPDIGITS_CACHE_DIR, or below $XDG_CACHE_HOME or ~/.cache */
    size_t programs;   /* compiled programs */
    size_t tunings;    /* measured choices */
    uint64_t bytes;
} dd_cache_info;
/* Counts what the cache's folder holds; a folder that is not there holds nothing. */
DD_API dd_status dd_cache_describe(dd_cache_info *info);
/* Removes what this library put there, and nothing else. DD_IO */
DD_API dd_status dd_cache_clear(void);

#ifdef __cplusplus
}
#endif
#endif
