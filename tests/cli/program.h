/* program.h: runs the built program and keeps what it said. */
#ifndef DD_TESTS_CLI_PROGRAM_H
#define DD_TESTS_CLI_PROGRAM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

/* The tests' own folder; made by program_setup and removed, with all in it, by program_teardown. */
extern char folder[4096];
int program_setup(void **state);
int program_teardown(void **state);

/* What the last run() left. */
extern int status; /* exit status; 128 + the number when a signal ended it */
extern char *out;  /* standard output */
extern char *err;  /* standard error */

/* Runs the program through a shell, which sees `folder` as $T, and waits. */
void run(const char *arguments);
/* The same in another environment: "NAME=VALUE" and "-u NAME", as env(1) has them. */
void run_with(const char *environment, const char *arguments);
/* The same without waiting: returns the process. finish() waits for it. */
pid_t start(const char *environment, const char *arguments);
void finish(pid_t process);
/* What the process has written to standard error so far. */
const char *errors_so_far(void);

/* Fails the test, showing both outputs, unless the last run ended with `expected`. */
void expect_status(int expected);
/* The same unless `text` contains `part`. */
void expect_part(const char *text, const char *part);

/* In `folder`: writes a file; whether there is one; its text (the caller frees it). */
void make_file(const char *name, const void *bytes, size_t size);
bool file_exists(const char *name);
char *read_text(const char *name);
/* How many entries a folder has whose names contain `part`. */
size_t count_entries(const char *name, const char *part);
size_t count_lines(const char *text);

/* A model trained for one epoch, made when it is first wanted: $T/run/model.safetensors. */
void need_model(void);

#endif
