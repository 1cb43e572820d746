/* replay FILE|FOLDER...: feeds a harness every file, then the file cut off at many places and with single
 * bits turned. Passes when it comes to the end, in time and without taking much memory. */
#include <dirent.h>
#include <sys/resource.h>

#include "base/file.h"
#include "base/random.h"
#include "fuzz.h"

enum { CUTS = 32, FLIPS = 128, MOST_MEGABYTES = 1500 };

/* In memory of just this size, so that one byte too far is seen. */
static void feed(const char *bytes, size_t size) {
    uint8_t *exact = malloc(size ? size : 1);
    memcpy(exact, bytes, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static void feed_changed(char *bytes, size_t size) {
    dd__random random = dd__random_start(1, DD__STREAM_TEST);
    size_t cuts = size < CUTS ? size : CUTS;
    feed(bytes, size);
    for (size_t i = 0; i < cuts; i++) feed(bytes, size * i / cuts);
    for (size_t i = 0; i < FLIPS && size; i++) {
        size_t place = dd__random_below(&random, (uint32_t)size);
        char bit = (char)(1 << dd__random_below(&random, 8));
        bytes[place] ^= bit;
        feed(bytes, size);
        bytes[place] ^= bit;
    }
}

static int feed_file(const char *path) {
    char *bytes = NULL;
    size_t size = 0;
    if (dd__file_read(path, 1 << 26, &bytes, &size) != DD_OK) {
        fprintf(stderr, "%s\n", dd_message());
        return 0;
    }
    printf("%s\n", path);
    fflush(stdout);
    feed_changed(bytes, size);
    dd__free(bytes);
    return 1;
}

static int feed_folder(const char *path) {
    DIR *folder = opendir(path);
    int count = 0;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        char file[4096];
        if (entry->d_name[0] == '.') continue;
        if (dd__path_join(file, sizeof file, path, entry->d_name) == DD_OK)
            count += feed_file(file);
    }
    if (folder) closedir(folder);
    return count;
}

int main(int argc, char **argv) {
    int count = 0;
    for (int i = 1; i < argc; i++)
        count += dd__is_folder(argv[i]) ? feed_folder(argv[i]) : feed_file(argv[i]);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    long megabytes = usage.ru_maxrss / 1024;
    printf("%d files, %ld MB at most\n", count, megabytes);
    return count > 0 && megabytes < MOST_MEGABYTES ? 0 : 1;
}
