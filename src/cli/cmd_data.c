/* cmd_data.c: the options of `data`, and which of its works is meant. */
#include <string.h>
#include <strings.h>

#include "cli/commands.h"
#include "cli/data.h"

typedef cli_data_settings settings;

static const cli_option options[] = {
    CLI_OPTION_SPLIT("train"),
    {.name = "count",
     .kind = CLI_INTEGER,
     .value = "N",
     .min = 1,
     .max = 1e7,
     .fallback_help = "all; on a sheet 100, augmented 10; synthesize: 1000",
     .offset = offsetof(settings, count),
     .help = "images to write, the first of DATA"},
    {.name = "augmented",
     .kind = CLI_FLAG,
     .offset = offsetof(settings, augmented),
     .help = "write the images as a network sees them in training"},
    {.name = "augment",
     .kind = CLI_TEXT,
     .value = "A",
     .fallback_help = "digits",
     .offset = offsetof(settings, augment),
     .help = "--augmented by these ranges: digits, none, or\n"
             "rotation=10,width=0.1,height=0.1,shear=0.2,zoom=0.1"},
    {.name = "epoch",
     .kind = CLI_INTEGER,
     .value = "N",
     .min = 1,
     .max = 1e6,
     .fallback_help = "1",
     .offset = offsetof(settings, epoch),
     .help = "--augmented: each epoch of a training sees others"},
    {.name = "sheet",
     .kind = CLI_TEXT,
     .value = "F.png",
     .offset = offsetof(settings, sheet),
     .help = "one picture of many images, ten in a row; augmented, a row is\n"
             "an image as it is and in nine epochs, from --epoch on"},
    {.name = "seed",
     .kind = CLI_INTEGER,
     .value = "N",
     .min = 1,
     .max = 9007199254740992,
     .fallback = "42",
     .offset = offsetof(settings, seed),
     .help = "of the digits that synthesize makes, of the augmentation"},
    CLI_OPTION_JSON("what info finds, as JSON"),
};

enum work { INFO, EXPORT, SYNTHESIZE };

/* Which work the first argument names, and whether its other arguments are there. */
static dd_status read_work(const cli_call *call, const settings *set, enum work *found) {
    static const char *const names[] = {"info", "export", "synthesize"};
    static const char *const needs[] = {"DATA", "DATA DIR", "DIR"};
    const char *verb = call->arguments[0];
    size_t i = 0, expected;
    while (i < CLI_COUNT(names) && strcmp(verb, names[i]) != 0) i++;
    if (i == CLI_COUNT(names))
        return cli_fail(DD_USAGE, "expected info, export or synthesize, found \"%s\"", verb);
    *found = (enum work)i;
    expected = *found == EXPORT ? 3 : 2;
    bool only_sheet = *found == EXPORT && set->sheet && call->argument_count == 2;
    if (call->argument_count != expected && !only_sheet)
        return cli_fail(DD_USAGE, "expected data %s %s%s", verb, needs[i],
                        *found == EXPORT ? ", or DATA --sheet F.png" : "");
    return DD_OK;
}

/* --augment implies --augmented. */
static dd_status settle(const settings *given, enum work work, settings *set) {
    *set = *given;
    set->augmented |= set->augment != NULL;
    size_t length = set->sheet ? strlen(set->sheet) : 0;
    if (work == INFO && (set->augmented || set->sheet))
        return cli_fail(DD_USAGE, "info writes no images: --%s is for export and synthesize",
                        set->augment     ? "augment"
                        : set->augmented ? "augmented"
                                         : "sheet");
    if (set->epoch && !set->augmented)
        return cli_fail(DD_USAGE,
                        "--epoch: expected --augmented as well: images as they are do not "
                        "change from epoch to epoch");
    if (set->sheet && (length < 5 || strcasecmp(set->sheet + length - 4, ".png") != 0))
        return cli_fail(DD_USAGE, "--sheet: expected a name that ends in .png, found \"%s\"",
                        set->sheet);
    return DD_OK;
}

static dd_status run(const cli_call *call, const void *values) {
    settings set;
    enum work work = INFO;
    char synthetic[96];
    dd_dataset *data = NULL;
    CLI_TRY(read_work(call, values, &work));
    CLI_TRY(settle(values, work, &set));
    snprintf(synthetic, sizeof synthetic, "synthetic:%lld:%lld",
             (long long)(set.count ? set.count : 1000), (long long)set.seed);
    const char *source = work == SYNTHESIZE ? synthetic : call->arguments[1];
    const char *folder = call->argument_count == 2 ? NULL : call->arguments[2];
    if (work == SYNTHESIZE) folder = call->arguments[1];
    CLI_TRY(cli_load_data(NULL, source, set.split, false, &data));
    dd_status status = work == INFO ? cli_data_info(&set, source, data)
                                    : cli_data_export(call, &set, data, folder);
    dd_dataset_free(data);
    return status;
}

const cli_command cli_command_data = {
    .name = "data",
    .summary = "look at data, unpack it to folders of images, make digits",
    .usage = "info DATA | export DATA DIR | synthesize DIR [options]",
    .about =
        "DATA is what train takes. export and synthesize write PNG files into one folder a\n"
        "class, which train and classify read again. DIR must be new or empty.\n"
        "info counts, and warns of what spoils a training: classes without images, images that\n"
        "are blank, there twice, labelled differently, or in training and test part alike.\n"
        "--augmented shows image i of DATA in epoch N of a training on all of it with the same\n"
        "seed; a training that keeps a part for validation counts its own images, and so draws\n"
        "other ones from the same ranges.\n",
    .examples = "  deepdigits data info mnist --split test\n"
                "  deepdigits data export mnist --sheet digits.png\n"
                "  deepdigits data export mnist --sheet seen.png --augmented\n"
                "  deepdigits data synthesize digits --count 200 --seed 7\n",
    .options = options,
    .option_count = CLI_COUNT(options),
    .settings_size = sizeof(settings),
    .min_arguments = 2,
    .max_arguments = 3,
    .run = run,
};
