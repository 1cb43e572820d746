/* test_classify_cli.c: classify on what real folders hold: odd names, what is no file, very many files; and how
 * right it was, where folders are named as classes. */
#include <sys/resource.h>
#include <sys/wait.h>

#include "cli/json.h"
#include "cli/program.h"

#define CLASSIFY "classify --model \"$T/run/model.safetensors\" "

/* 0.png .. of digits in $T/named/CLASS/. */
static void need_digits(void) {
    need_model();
    if (file_exists("named")) return;
    run("data synthesize \"$T/named\" --count 40 --seed 11");
    expect_status(0);
}

/* ---- How right it was ----------------------------------------------------------------- */

static void test_folders_named_as_classes_give_the_accuracy(void **state) {
    (void)state;
    need_digits();
    run(CLASSIFY "--format csv \"$T/named\"");
    expect_status(0);
    expect_part(err, "accuracy ");
    expect_part(err, " % (of 40 files in folders named as classes)");
    expect_part(err, "folder \\ answer");
    assert_memory_equal(out, "path,label,probability,status\n", 30);
    run(CLASSIFY "--quiet --output \"$T/quiet\" \"$T/named\"");
    assert_string_equal(err, "");
    run(CLASSIFY "\"$T/named\"");
    char *accuracy = strstr(err, "accuracy ") + strlen("accuracy ");
    double percent = strtod(accuracy, NULL);
    run("evaluate --json --model \"$T/run/model.safetensors\" --data \"$T/named\"");
    expect_status(0);
    cJSON *json = parse(out);
    double share = cJSON_GetObjectItem(json, "accuracy")->valuedouble;
    assert_true(share * 100 - percent < 0.01 && percent - share * 100 < 0.01);
    cJSON_Delete(json);
}

static void test_labels_add_what_was_expected(void **state) {
    (void)state;
    need_digits();
    assert_int_equal(system("cp \"$T\"/named/3/*.png \"$T/loose.png\" 2>/dev/null || "
                            "cp \"$(ls \"$T\"/named/3/*.png | head -n 1)\" \"$T/loose.png\""),
                     0);
    run(CLASSIFY "--format csv \"$T/named/3\" \"$T/loose.png\"");
    expect_status(0);
    assert_null(strstr(err, "accuracy")); /* one file's class is not known */
    run(CLASSIFY "--labels --top-k 2 --format csv \"$T/named/3\" \"$T/loose.png\"");
    expect_status(0);
    expect_part(out, "path,label,probability,status,label2,probability2,expected\n");
    expect_part(err, "accuracy ");
    size_t known = 0, unknown = 0;
    for (char *line = strtok(strchr(out, '\n'), "\n"); line; line = strtok(NULL, "\n")) {
        known += strcmp(strrchr(line, ','), ",3") == 0;
        unknown += strcmp(strrchr(line, ','), ",") == 0;
    }
    assert_true(known > 0);
    assert_int_equal(unknown, 1);
    run(CLASSIFY "--labels --json \"$T/loose.png\"");
    expect_status(0);
    expect_part(err, "no accuracy");
    cJSON *json = parse(out);
    assert_true(cJSON_IsNull(cJSON_GetObjectItem(json, "expected")));
    cJSON_Delete(json);
}

static void test_below_the_threshold_is_wrong(void **state) {
    (void)state;
    need_digits();
    run(CLASSIFY "--threshold 1 \"$T/named\"");
    expect_status(0);
    expect_part(err, "accuracy 0.00 %");
}

/* ---- What folders hold ---------------------------------------------------------------- */

static void test_odd_names_come_through(void **state) {
    (void)state;
    need_digits();
    assert_int_equal(
        system("mkdir -p \"$T/odd\" && f=$(ls \"$T\"/named/*/*.png | head -n 1) && "
               "cp \"$f\" \"$T/odd/a b,c.png\" && cp \"$f\" \"$T/odd/$(printf 'l\\377.png')\" && "
               "cp \"$f\" \"$T/odd/two\nlines.png\" && cp \"$f\" \"$T/odd/\303\251\\\"q.png\""),
        0);
    run(CLASSIFY "--format csv \"$T/odd\"");
    expect_status(0);
    expect_part(out, "/a b,c.png\",");
    expect_part(out, "/l\\xff.png,");
    expect_part(out, "/two\nlines.png\",");
    expect_part(out, "/\303\251\"\"q.png\",");
    expect_part(err, "4 files, 0 failed");
    run(CLASSIFY "--format jsonl \"$T/odd\"");
    expect_status(0);
    expect_part(out, "/l\\\\xff.png\"");
    expect_part(out, "/two\\nlines.png\"");
    assert_int_equal(system("find \"$T/odd\" -type f -print0 >\"$T/list0\""), 0);
    run(CLASSIFY "--null --format csv - <\"$T/list0\"");
    expect_status(0);
    expect_part(err, "4 files, 0 failed");
}

/* Each is a row with its reason, and none is waited for. */
static void test_what_is_no_file_is_a_row(void **state) {
    (void)state;
    need_digits();
    assert_int_equal(system("mkdir -p \"$T/things\" && cd \"$T/things\" && mkfifo pipe.png && ln "
                            "-sf nowhere gone.png && "
                            "ln -sf . loop && : >empty.png && truncate -s 10G huge.png && "
                            "cp \"$(ls \"$T\"/named/*/*.png | head -n 1)\" fine.png"),
                     0);
    run(CLASSIFY "--format csv \"$T/things\" /dev/zero");
    expect_status(0);
    expect_part(err, "6 files, 5 failed");
    expect_part(out, "expected a file, found a pipe");
    expect_part(out, "expected a file, found a device");
    expect_part(out, "No such file or directory");
    expect_part(out, "found an empty file");
    expect_part(out, "found 10737418240");
    assert_int_equal(count_lines(out), 7);
}

static void test_an_empty_list_is_refused(void **state) {
    (void)state;
    need_digits();
    run(CLASSIFY "- </dev/null");
    expect_status(2);
    expect_part(err, "nothing to classify");
}

/* ---- Very many ------------------------------------------------------------------------ */

/* Runs as run() does; its peak memory in KB. */
static long run_measured(const char *arguments) {
    struct rusage used;
    int how;
    pid_t process = start("", arguments);
    assert_int_equal(wait4(process, &how, 0, &used), process);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
    return used.ru_maxrss;
}

/* Two hundred thousand names on standard input, one in fifty an image, take no more memory than twenty thousand; all
 * rows come, in their order. */
static void test_memory_does_not_grow_with_the_number_of_files(void **state) {
    (void)state;
    need_digits();
    assert_int_equal(
        system(
            "cd \"$T\" && cp \"$(ls named/*/*.png | head -n 1)\" one.png && printf no >no.png && "
            "awk 'BEGIN { for (i = 0; i < 200000; i++) print (i % 50 ? \"no.png\" : \"one.png\") "
            "}' | "
            "sed \"s|^|$T/|\" >many && head -n 20000 many >few"),
        0);
    /* what is new is compiled, which takes memory once */
    run(CLASSIFY "--quiet --format csv --output \"$T/few.csv\" - <\"$T/few\"");
    expect_status(0);
    long few = run_measured(CLASSIFY "--quiet --format csv --output \"$T/few.csv\" - <\"$T/few\"");
    long many =
        run_measured(CLASSIFY "--quiet --format csv --output \"$T/many.csv\" - <\"$T/many\"");
    if (many > few + 16 * 1024) fail_msg("%ld KB for 20,000 files, %ld KB for 200,000", few, many);
    assert_int_equal(system("cd \"$T\" && tail -n +2 many.csv | cut -d , -f 1 | cmp - many"), 0);
    assert_int_equal(system("cd \"$T\" && test $(grep -c ',ok$' many.csv) = 4000"), 0);
}

/* The same in a folder; links to a file that is none, for those are made fast. */
static void test_a_folder_of_very_many_files(void **state) {
    (void)state;
    need_digits();
    assert_int_equal(system("mkdir -p \"$T/crowd\" && cd \"$T/crowd\" && printf no >../no.png && "
                            "seq -f 'x%06.0f.png' 1 50000 | xargs -n 5000 touch && "
                            "cp \"$(ls \"$T\"/named/*/*.png | head -n 1)\" z.png"),
                     0);
    run(CLASSIFY "--quiet --format csv --output \"$T/crowd.csv\" \"$T/crowd\"");
    expect_status(0);
    assert_int_equal(system("cd \"$T\" && test $(wc -l <crowd.csv) = 50002 && tail -n 1 crowd.csv "
                            "| grep -q ',ok$' && "
                            "tail -n +2 crowd.csv | cut -d , -f 1 | LC_ALL=C sort -c"),
                     0);
}

static void test_rows_come_while_the_list_is_still_written(void **state) {
    (void)state;
    need_digits();
    assert_int_equal(
        system("mkfifo \"$T/slow\" && ls \"$T\"/named/*/*.png | head -n 5 >\"$T/five\""), 0);
    assert_int_equal(
        system("(head -n 4 \"$T/five\"; for i in $(seq 600); do test -s \"$T/out\" && break; "
               "sleep 0.1; done; tail -n 1 \"$T/five\") >\"$T/slow\" 2>/dev/null &"),
        0);
    run(CLASSIFY "--batch 2 --format csv - <\"$T/slow\""); /* would wait for the end for a minute */
    expect_status(0);
    assert_int_equal(count_lines(out), 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folders_named_as_classes_give_the_accuracy),
        cmocka_unit_test(test_labels_add_what_was_expected),
        cmocka_unit_test(test_below_the_threshold_is_wrong),
        cmocka_unit_test(test_odd_names_come_through),
        cmocka_unit_test(test_what_is_no_file_is_a_row),
        cmocka_unit_test(test_an_empty_list_is_refused),
        cmocka_unit_test(test_memory_does_not_grow_with_the_number_of_files),
        cmocka_unit_test(test_a_folder_of_very_many_files),
        cmocka_unit_test(test_rows_come_while_the_list_is_still_written),
    };
    return cmocka_run_group_tests(tests, program_setup, program_teardown);
}
