#include "data/ink.h"

#include <string.h>

#include "base/memory.h"

enum {
    LEVELS = 256,
    LEAST_CONTRAST = 20, /* levels between paper and ink; less is paper's grain */
};

/* Value below which `share` of the counted pixels lie. */
static unsigned quantile(const size_t counts[LEVELS], size_t total, double share) {
    size_t wanted = (size_t)((double)total * share), seen = 0;
    for (unsigned level = 0; level < LEVELS; level++) {
        seen += counts[level];
        if (seen > wanted) return level;
    }
    return LEVELS - 1;
}

/* Counts the levels on the outermost pixels, where the paper is; returns how many there are. */
static size_t count_border(const dd__image *image, size_t counts[LEVELS]) {
    memset(counts, 0, LEVELS * sizeof *counts);
    size_t total = 0, width = image->width, height = image->height;
    for (size_t y = 0; y < height; y++) {
        size_t step = y == 0 || y == height - 1 || width == 1 ? 1 : width - 1;
        for (size_t x = 0; x < width; x += step, total++) counts[image->pixels[y * width + x]]++;
    }
    return total;
}

/* Replaces levels by their distance from the paper's, on the side where the stronger contrast is;
 * squares, so that a little ink outweighs much grain. */
static void make_bright_on_black(dd__image *image) {
    size_t border[LEVELS], count = (size_t)image->width * image->height;
    int paper = (int)quantile(border, count_border(image, border), 0.5);
    double darker = 0, brighter = 0;
    for (size_t i = 0; i < count; i++) {
        int distance = image->pixels[i] - paper;
        if (distance < 0)
            darker += (double)distance * distance;
        else
            brighter += (double)distance * distance;
    }
    int sign = brighter > darker ? 1 : -1;
    for (size_t i = 0; i < count; i++) {
        int distance = sign * (image->pixels[i] - paper);
        image->pixels[i] = (uint8_t)(distance > 0 ? distance : 0);
    }
}

/* The level that best parts dark from bright (Otsu: "A threshold selection method from gray-level
 * histograms", 1979): ink is above it. */
static unsigned otsu(const size_t counts[LEVELS]) {
    double total = 0, sum = 0, below = 0, sum_below = 0, best = -1;
    unsigned threshold = 0;
    for (unsigned i = 0; i < LEVELS; i++) {
        total += (double)counts[i];
        sum += (double)counts[i] * i;
    }
    for (unsigned i = 0; i < LEVELS - 1; i++) {
        below += (double)counts[i];
        sum_below += (double)counts[i] * i;
        if (below <= 0 || below >= total) continue;
        double apart = sum_below / below - (sum - sum_below) / (total - below);
        double between = below * (total - below) * apart * apart;
        if (between > best) {
            best = between;
            threshold = i;
        }
    }
    return threshold;
}

/* Labels the 8-connected part of what is above `threshold` that holds `start`; stack (count). */
static size_t fill_part(const dd__image *image, unsigned threshold, uint32_t start, uint32_t label,
                        uint32_t *labels, uint32_t *stack) {
    size_t used = 0, pixels = 0;
    labels[start] = label;
    stack[used++] = start;
    while (used) {
        uint32_t at = stack[--used];
        int x = (int)(at % image->width), y = (int)(at / image->width);
        pixels++;
        for (int ny = y - 1; ny <= y + 1; ny++)
            for (int nx = x - 1; nx <= x + 1; nx++) {
                if (nx < 0 || ny < 0 || nx >= (int)image->width || ny >= (int)image->height)
                    continue;
                uint32_t next = (uint32_t)ny * image->width + (uint32_t)nx;
                if (labels[next] || image->pixels[next] <= threshold) continue;
                labels[next] = label;
                stack[used++] = next;
            }
    }
    return pixels;
}

/* Marks in labels (count) the pixels of parts at least a twentieth of the largest, so that a 5's
 * bar stays and specks go: 1 kept ink, 2 dropped ink, 0 paper. */
static dd_status keep_largest(const dd__image *image, unsigned threshold, uint32_t *labels) {
    size_t count = (size_t)image->width * image->height, largest = 0, room = count / 2 + 2;
    uint32_t *stack = dd__alloc(count, sizeof *stack);
    size_t *sizes =
        dd__alloc(room, sizeof *sizes); /* parts do not touch: at most half the pixels */
    uint32_t parts = 0;
    for (uint32_t i = 0; stack && sizes && i < count; i++) {
        if (labels[i] || image->pixels[i] <= threshold) continue;
        parts++;
        sizes[parts] = fill_part(image, threshold, i, parts, labels, stack);
        if (sizes[parts] > largest) largest = sizes[parts];
    }
    for (size_t i = 0; sizes && i < count; i++)
        if (labels[i]) labels[i] = sizes[labels[i]] * 20 >= largest ? 1 : 2;
    bool done = stack && sizes;
    dd__free(stack);
    dd__free(sizes);
    return done ? DD_OK : dd__no_memory(count * sizeof *stack);
}

/* Levels between `low`, paper, and `high`, full ink, keep their proportions. */
static uint8_t soften(unsigned level, unsigned low, unsigned high) {
    if (level <= low) return 0;
    if (level >= high) return 255;
    return (uint8_t)((level - low) * 255 / (high - low));
}

typedef struct box {
    unsigned left, top, right, bottom; /* right and bottom are beyond */
} box;

/* Around the kept ink. */
static box find_box(const dd__image *image, const uint32_t *labels) {
    box found = {image->width, image->height, 0, 0};
    for (unsigned y = 0; y < image->height; y++)
        for (unsigned x = 0; x < image->width; x++) {
            if (labels[(size_t)y * image->width + x] != 1) continue;
            if (x < found.left) found.left = x;
            if (x + 1 > found.right) found.right = x + 1;
            if (y < found.top) found.top = y;
            found.bottom = y + 1;
        }
    return found;
}

/* Whether a part of the picture has grey that is not dropped ink's. */
static bool has_grey(const dd__image *image, const uint32_t *labels, unsigned level, box part) {
    for (unsigned y = part.top; y < part.bottom; y++)
        for (unsigned x = part.left; x < part.right; x++) {
            size_t at = (size_t)y * image->width + x;
            if (image->pixels[at] > level && labels[at] != 2) return true;
        }
    return false;
}

/* Takes in the soft edges of the ink, which count in the size of MNIST's digits, too; but no more
 * than a pixel or so of the finished picture. */
static box take_in_edges(const dd__image *image, const uint32_t *labels, unsigned level, box core) {
    unsigned width = core.right - core.left, height = core.bottom - core.top;
    unsigned most = (width > height ? width : height) / 16 + 1;
    box all = core;
    for (unsigned i = 0; i < most; i++) {
        box next = all;
        if (all.left > 0 &&
            has_grey(image, labels, level, (box){all.left - 1, all.top, all.left, all.bottom}))
            next.left--;
        if (all.right < image->width &&
            has_grey(image, labels, level, (box){all.right, all.top, all.right + 1, all.bottom}))
            next.right++;
        if (all.top > 0 &&
            has_grey(image, labels, level, (box){all.left, all.top - 1, all.right, all.top}))
            next.top--;
        if (all.bottom < image->height &&
            has_grey(image, labels, level, (box){all.left, all.bottom, all.right, all.bottom + 1}))
            next.bottom++;
        all = next;
    }
    return all;
}

static dd_status cut(const dd__image *image, const uint32_t *labels, unsigned low, unsigned high,
                     dd__image *ink) {
    box around = take_in_edges(image, labels, low + (high - low) / 8, find_box(image, labels));
    *ink = (dd__image){around.right - around.left, around.bottom - around.top, 1, NULL};
    ink->pixels = dd__alloc((size_t)ink->width * ink->height, 1);
    if (!ink->pixels) return dd__no_memory((size_t)ink->width * ink->height);
    for (unsigned y = 0; y < ink->height; y++)
        for (unsigned x = 0; x < ink->width; x++) {
            size_t from = (size_t)(y + around.top) * image->width + x + around.left;
            if (labels[from] != 2)
                ink->pixels[(size_t)y * ink->width + x] = soften(image->pixels[from], low, high);
        }
    return DD_OK;
}

/* `image` is bright on black by now. */
static dd_status find_in(const dd__image *image, dd__image *ink) {
    size_t counts[LEVELS] = {0}, border[LEVELS], above = 0;
    size_t count = (size_t)image->width * image->height;
    for (size_t i = 0; i < count; i++) counts[image->pixels[i]]++;
    unsigned threshold = otsu(counts);
    for (unsigned level = 0; level < LEVELS; level++) {
        if (level <= threshold) counts[level] = 0;
        above += counts[level];
    }
    /* full ink is what most of it reaches; paper is what nearly all of the border stays below */
    unsigned high = quantile(counts, above, 0.75);
    if (above == 0 || high < LEAST_CONTRAST) return DD_OK;
    unsigned low = quantile(border, count_border(image, border), 0.9);
    if (low > threshold / 2) low = threshold / 2;
    uint32_t *labels = dd__alloc(count, sizeof *labels);
    if (!labels) return dd__no_memory(count * sizeof *labels);
    dd_status status = keep_largest(image, threshold, labels);
    if (status == DD_OK) status = cut(image, labels, low, high, ink);
    dd__free(labels);
    return status;
}

dd_status dd__ink_find(const dd__image *grey, dd__image *ink) {
    *ink = (dd__image){.channels = 1};
    size_t count = (size_t)grey->width * grey->height;
    dd__image copy = *grey;
    copy.pixels = dd__alloc(count, 1);
    if (!copy.pixels) return dd__no_memory(count);
    memcpy(copy.pixels, grey->pixels, count);
    make_bright_on_black(&copy);
    dd_status status = find_in(&copy, ink);
    dd__image_clear(&copy);
    return status;
}
