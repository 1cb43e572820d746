/* main.c: the table of commands, and what surrounds a command: options, help, signals, the
 * failure's message, the exit status. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/progress.h"

static const cli_command *const commands[] = {
#define COMMAND_ROW(name) &cli_command_##name,
    CLI_COMMANDS(COMMAND_ROW)
#undef COMMAND_ROW
};

static const char *const class_names[] = {"auto", "cpu", "gpu", NULL}; /* dd_kernel_class */
const char *const cli_precision_names[] = {"f32", "tf32", "bf16", "f16", NULL}; /* dd_precision */
static const char *const progress_names[] = {"auto", "always", "never", NULL};

static const cli_option common_options[] = {
    {.name = "device",
     .kind = CLI_TEXT,
     .value = "SEL",
     .offset = offsetof(cli_common, device),
     .fallback_help = "$DEEPDIGITS_DEVICE, else the one marked by \"devices\"",
     .help = "a number of the list, PLATFORM:DEVICE, part of a name,\ncpu, gpu or reference; "
             "some commands take several, or all"},
    {.name = "threads",
     .kind = CLI_INTEGER,
     .value = "N",
     .min = 1,
     .max = 4096,
     .offset = offsetof(cli_common, threads),
     .fallback_help = "as many as cores",
     .help = "threads of a CPU runtime"},
    {.name = "kernel-class",
     .kind = CLI_CHOICE,
     .choices = class_names,
     .offset = offsetof(cli_common, kernel_class),
     .fallback = "auto",
     .help = "which form of kernels; auto: $DEEPDIGITS_KERNEL_CLASS,\nelse by the device's type"},
    {.name = "precision",
     .kind = CLI_CHOICE,
     .choices = cli_precision_names,
     .offset = offsetof(cli_common, precision),
     .fallback = "f32",
     .help = "the least precise form that kernels of the gpu class may take:\n"
             "tf32 and bf16 for products, f16 also for what inference stores"},
    {.name = "memory",
     .kind = CLI_SIZE,
     .value = "SIZE",
     .min = 1 << 20,
     .max = 1e15,
     .offset = offsetof(cli_common, memory),
     .fallback_help = "80 % of the device's",
     .help =
         "most that the device's buffers may take, as 512M or 2G;\nwhat needs more is computed in "
         "smaller batches"},
    {.name = "implementation",
     .kind = CLI_TEXTS,
     .value = "OP=NAME",
     .offset = offsetof(cli_common, implementations),
     .help = "force one implementation of an op; may be repeated\n"
             "also with settings, as tune names them: conv2d=direct:rows=4"},
    {.name = "profile",
     .kind = CLI_FLAG,
     .offset = offsetof(cli_common, profile),
     .help = "show where the time goes, node by node"},
    {.name = "progress",
     .kind = CLI_CHOICE,
     .choices = progress_names,
     .offset = offsetof(cli_common, progress),
     .fallback = "auto",
     .help = "a bar on a terminal, always, or never; else a line an epoch"},
    {.name = "quiet",
     .kind = CLI_FLAG,
     .offset = offsetof(cli_common, quiet),
     .help = "nothing on standard error but failures"},
    {.name = "verbose",
     .kind = CLI_FLAG,
     .offset = offsetof(cli_common, verbose),
     .help = "more on standard error"},
};

/* ---- Help ---------------------------------------------------------------------------- */

static void print_commands(FILE *stream) {
    fprintf(stream, "deepdigits trains convolutional networks and classifies images on any OpenCL "
                    "device\n\nusage: deepdigits COMMAND [options] [arguments]\n"
                    "       deepdigits COMMAND --help\n"
                    "       deepdigits --version\n\ncommands\n");
    for (size_t i = 0; i < CLI_COUNT(commands); i++)
        fprintf(stream, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    fprintf(stream, "\nResults go to standard output, everything else to standard error.\n"
                    "Exit status: 0 done, 1 the work failed, 2 bad usage or unusable input,\n"
                    "130 interrupted, after saving.\n");
}

static void print_help(const cli_command *command) {
    printf("deepdigits %s: %s\n\nusage: deepdigits %s %s\n", command->name, command->summary,
           command->name, command->usage);
    if (command->about) printf("\n%s", command->about);
    if (command->option_count) {
        printf("\noptions\n");
        cli_print_options(stdout, command->options, command->option_count);
    }
    printf("\noptions of every command\n");
    cli_print_options(stdout, common_options, CLI_COUNT(common_options));
    printf("\nexamples\n%s", command->examples);
}

/* ---- One command --------------------------------------------------------------------- */

static const char *command_name(const void *context, size_t index) {
    (void)context;
    return commands[index]->name;
}

static dd_status find_command(const char *word, const cli_command **command) {
    for (size_t i = 0; i < CLI_COUNT(commands); i++)
        if (strcmp(word, commands[i]->name) == 0) {
            *command = commands[i];
            return DD_OK;
        }
    const char *near = cli_nearest(word, CLI_COUNT(commands), command_name, NULL);
    if (near) return cli_fail(DD_USAGE, "unknown command %s; did you mean %s?", word, near);
    return cli_fail(DD_USAGE, "unknown command %s", word);
}

static dd_status check_arguments(const cli_command *command, const cli_call *call) {
    size_t count = call->argument_count;
    if (count > command->max_arguments)
        return cli_fail(DD_USAGE, "unexpected argument \"%s\"",
                        call->arguments[command->max_arguments]);
    if (count < command->min_arguments) return cli_fail(DD_USAGE, "expected %s", command->usage);
    return DD_OK;
}

/* The command line as one would type it again; NULL without memory. */
static char *join_line(int count, char *const *words) {
    size_t size = sizeof "deepdigits";
    for (int i = 1; i < count; i++) size += 4 * strlen(words[i]) + 4;
    char *line = malloc(size), *at = line;
    if (!line) return NULL;
    at = cli_shell_word(at, "deepdigits");
    for (int i = 1; i < count; i++) {
        *at++ = ' ';
        at = cli_shell_word(at, words[i]);
    }
    return line;
}

static dd_status run(const cli_command *command, int count, char *const *words, cli_call *call,
                     void *settings, const char **rest) {
    const cli_option_set sets[] = {
        {command->options, command->option_count, settings},
        {common_options, CLI_COUNT(common_options), &call->common},
    };
    bool help;
    CLI_TRY(cli_parse(sets, CLI_COUNT(sets), count, words, rest, &call->argument_count, &help));
    if (help) {
        print_help(command);
        return cli_flush_stdout();
    }
    call->arguments = rest;
    CLI_TRY(cli_check_required(&sets[0]));
    CLI_TRY(check_arguments(command, call));
    cli_progress_start((cli_progress_mode)call->common.progress, call->common.quiet,
                       call->common.verbose);
    cli_catch_signals();
    dd_status status = command->run(call, settings);
    cli_bar_clear();
    return status == DD_OK ? cli_flush_stdout() : status;
}

static dd_status start(const cli_command *command, int count, char *const *words) {
    cli_call call;
    memset(&call, 0, sizeof call);
    void *settings = calloc(1, command->settings_size + 1);
    const char **rest = calloc((size_t)count + 1, sizeof *rest);
    char *line = join_line(count, words);
    call.line = line;
    dd_status status = settings && rest && line
                           ? run(command, count - 2, words + 2, &call, settings, rest)
                           : cli_fail(DD_MEMORY, "no memory for the command line");
    free(line);
    free(rest);
    free(settings);
    return status;
}

/* `*command` is for the hint after a failure. */
static dd_status dispatch(int count, char **words, const cli_command **command) {
    const char *first = count > 1 ? words[1] : "";
    bool help = strcmp(first, "help") == 0;
    if (strcmp(first, "--version") == 0) {
        printf("deepdigits %s\n", dd_version());
        return cli_flush_stdout();
    }
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 || (help && count == 2)) {
        print_commands(stdout);
        return cli_flush_stdout();
    }
    if (!*first) {
        print_commands(stderr);
        return cli_fail(DD_USAGE, "expected a command");
    }
    if (first[0] == '-') return cli_fail(DD_USAGE, "expected a command before %s", first);
    CLI_TRY(find_command(help ? words[2] : first, command));
    if (!help) return start(*command, count, words);
    print_help(*command);
    return cli_flush_stdout();
}

int main(int count, char **words) {
    const cli_command *command = NULL;
    dd_status status = dispatch(count, words, &command);
    if (status != DD_OK) {
        (void)fflush(stdout);
        fprintf(stderr, "deepdigits: %s\n", cli_message());
    }
    if (status == DD_USAGE)
        fprintf(stderr, "see deepdigits %s%s--help\n", command ? command->name : "",
                command ? " " : "");
        /* Some drivers crash or hang in their destructors after main (intel/compute-runtime#927),
         * which
     * would change the exit status; all is flushed, so leave without them. The sanitizers report
     * leaks on the way out. */
#ifdef __SANITIZE_ADDRESS__
    return dd_status_exit(status);
#else
    _exit(dd_status_exit(status));
#endif
}
