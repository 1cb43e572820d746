/* commands.h: every command, in the order of the help. A new one is a row here and a cmd_<name>.c. */
#ifndef DD_CLI_COMMANDS_H
#define DD_CLI_COMMANDS_H

#include "cli/cli.h"

#define CLI_COMMANDS(X) \
    X(devices)          \
    X(selftest)         \
    X(train)            \
    X(report)           \
    X(evaluate)         \
    X(predict)          \
    X(classify)         \
    X(run)              \
    X(inspect)          \
    X(convert)          \
    X(merge)            \
    X(bench)            \
    X(tune)             \
    X(data)             \
    X(cache)

#define CLI_COMMAND_DECLARE(name) extern const cli_command cli_command_##name;
CLI_COMMANDS(CLI_COMMAND_DECLARE)
#undef CLI_COMMAND_DECLARE

#endif
