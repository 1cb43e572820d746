/* docs/first-steps.md: every command in it, as it stands there, in a folder with small files. */
#include "cli/program.h"

enum { TRAIN = 300, TEST = 40, PIXELS = 784 };

/* Not digits, but easy to tell apart: class k is bright in columns 2k + 4 and 2k + 5. */
static int pixel(int label, int image, int at) {
    int column = at % 28 / 2 - 2;
    return (column == label ? 200 : 0) + (image * 31 + at * 17) % 50;
}

static void make_csv(const char *name, int rows, bool labelled) {
    size_t room = (size_t)(rows + 1) * (PIXELS + 1) * 10, used = 0;
    char *text = malloc(room);
    assert_non_null(text);
    used += (size_t)snprintf(text + used, room - used, labelled ? "label" : "pixel0");
    for (int i = labelled ? 0 : 1; i < PIXELS; i++)
        used += (size_t)snprintf(text + used, room - used, ",pixel%d", i);
    for (int row = 0; row < rows; row++) {
        int label = row % 10;
        if (labelled)
            used += (size_t)snprintf(text + used, room - used, "\n%d,", label);
        else
            text[used++] = '\n';
        for (int i = 0; i < PIXELS; i++)
            used +=
                (size_t)snprintf(text + used, room - used, i ? ",%d" : "%d", pixel(label, row, i));
    }
    make_file(name, text, used);
    free(text);
}

static int make_files(void **state) {
    if (program_setup(state) != 0) return -1;
    if (system("mkdir \"$T/kaggle\" && ln -s \"$PWD/models\" \"$T/models\"") != 0) return -1;
    make_csv("kaggle/train.csv", TRAIN, true);
    make_csv("kaggle/test.csv", TEST, false);
    run("data synthesize \"$T/my-digits\" --count 10");
    return status;
}

/* Lines of the page that begin a command. */
static void test_every_command_of_the_page_works(void **state) {
    (void)state;
    const char *const begins = "    deepdigits ";
    char line[1024];
    unsigned count = 0;
    FILE *page = fopen("docs/first-steps.md", "r");
    assert_non_null(page);
    while (fgets(line, sizeof line, page)) {
        if (strncmp(line, begins, strlen(begins)) != 0) continue;
        line[strcspn(line, "\n")] = '\0';
        run_with("-C \"$T\"", line + strlen(begins));
        if (status != 0) fail_msg("%s\n%s%s", line, out, err);
        count++;
    }
    fclose(page);
    assert_int_equal(count, 10);
}

static void test_they_leave_what_the_page_says(void **state) {
    (void)state;
    assert_true(file_exists("network.svg"));
    assert_true(file_exists("runs/first/report.html"));
    assert_true(file_exists("runs/folds/fold-5/model.safetensors"));
    assert_true(file_exists("looks.png"));
    char *submission = read_text("submission.csv"), *history = read_text("runs/first/history.csv");
    assert_int_equal(strncmp(submission, "ImageId,Label\n1,", 16), 0);
    assert_int_equal(count_lines(submission), TEST + 1);
    assert_int_equal(count_lines(history), 4 + 1);
    free(submission);
    free(history);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_command_of_the_page_works),
        cmocka_unit_test(test_they_leave_what_the_page_says),
    };
    return cmocka_run_group_tests(tests, make_files, program_teardown);
}
