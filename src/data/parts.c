/* parts.c: ink by two thresholds (Canny's hysteresis: strokes that fade stay whole), split into
 * connected parts; the most conspicuous is the digit, with what is near and strong enough to belong
 * to it, as the bar of a 5. */
#include "data/parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/otsu.h"

enum {
    LEAST_GRAIN = 3,
    MOST_SMOOTHING = 2,
    LEAST_CONTRAST = 24, /* mean level of ink; less is grain */
};

/* ---- Levels ----------------------------------------------------------------------------------- */

/* What neighbours differ by on average where nothing is: the median, as ink has few edges. */
static unsigned grain(const dd__image *plane) {
    size_t counts[DD__LEVELS] = {0}, total = 0, seen = 0;
    for (unsigned y = 0; y < plane->height; y++)
        for (unsigned x = 1; x < plane->width; x++, total++) {
            const uint8_t *at = plane->pixels + (size_t)y * plane->width + x;
            counts[abs(at[0] - at[-1])]++;
        }
    unsigned level = 0;
    while (level < DD__LEVELS - 1 && (seen += counts[level]) * 2 < total) level++;
    return level;
}

/* Each pixel the mean of the three by three around it. */
static dd_status smooth(dd__image *plane) {
    size_t count = (size_t)plane->width * plane->height;
    uint8_t *copy = dd__alloc(count, 1);
    if (!copy) return dd__no_memory(count);
    memcpy(copy, plane->pixels, count);
    for (unsigned y = 1; y + 1 < plane->height; y++)
        for (unsigned x = 1; x + 1 < plane->width; x++) {
            unsigned sum = 4;
            for (unsigned row = y - 1; row <= y + 1; row++)
                for (unsigned column = x - 1; column <= x + 1; column++)
                    sum += copy[(size_t)row * plane->width + column];
            plane->pixels[(size_t)y * plane->width + x] = (uint8_t)(sum / 9);
        }
    dd__free(copy);
    return DD_OK;
}

dd_status dd__parts_smooth(dd__image *plane) {
    for (int i = 0; i < MOST_SMOOTHING && grain(plane) > LEAST_GRAIN; i++) DD_TRY(smooth(plane));
    return DD_OK;
}

/* Ink apart from grain, and, where there are ruled lines, from these. */
static void choose_levels(const dd__image *plane, dd__writing *writing) {
    size_t counts[DD__LEVELS] = {0}, count = (size_t)plane->width * plane->height;
    for (size_t i = 0; i < count; i++) counts[plane->pixels[i]]++;
    unsigned floor = 8 + 4 * grain(plane);
    if (floor > DD__LEVELS / 2) floor = DD__LEVELS / 2;
    writing->high = dd__otsu(counts, floor, NULL);
    writing->low = writing->high * 6 / 10;
    if (writing->low < floor) writing->low = floor;
    if (writing->high < writing->low) writing->high = writing->low;
}

/* ---- Parts ------------------------------------------------------------------------------------ */

typedef struct part {
    dd__area box;
    size_t count, sum; /* pixels, their levels */
    size_t edge, drop; /* those next to paper, what the picture itself changes by there */
    bool strong, kept;
    bool printed; /* the frame of a form */
} part;

typedef struct parts {
    part *items; /* (count) */
    size_t count, room;
    uint32_t *labels; /* (height, width) number of the part, from 1; 0: paper */
    uint32_t *stack;  /* (height, width) pixels that wait for their neighbours */
    size_t waiting;   /* how many of it do */
} parts;

static void take_pixel(part *into, uint32_t x, uint32_t y, unsigned level) {
    if (x < into->box.left) into->box.left = x;
    if (y < into->box.top) into->box.top = y;
    if (x >= into->box.right) into->box.right = x + 1;
    if (y >= into->box.bottom) into->box.bottom = y + 1;
    into->count++;
    into->sum += level;
}

/* How much darker a pixel is than the brightest of its neighbours, of 255 if that is paper. */
static unsigned drop_at(const dd__image *dark, uint32_t at) {
    enum { DARKEST_PAPER = 40 };
    dd__area near = dd__area_of_neighbours(at, dark);
    unsigned own = dark->pixels[at], brightest = own;
    for (unsigned y = near.top; y < near.bottom; y++)
        for (unsigned x = near.left; x < near.right; x++) {
            unsigned level = dark->pixels[(size_t)y * dark->width + x];
            if (level > brightest) brightest = level;
        }
    return (brightest - own) * 255 / (brightest > DARKEST_PAPER ? brightest : DARKEST_PAPER);
}

/* Makes the neighbours of pixel `at` that are ink a part of the same. Returns whether none beside, above or
 * below it is paper. */
static bool take_neighbours(const dd__image *plane, unsigned low, uint32_t at, parts *found) {
    dd__area near = dd__area_of_neighbours(at, plane);
    bool inside = true;
    for (unsigned y = near.top; y < near.bottom; y++)
        for (unsigned x = near.left; x < near.right; x++) {
            uint32_t next = y * plane->width + x;
            if (plane->pixels[next] <= low) {
                inside &= y != at / plane->width && x != at % plane->width;
            } else if (!found->labels[next]) {
                found->labels[next] = found->labels[at];
                found->stack[found->waiting++] = next;
            }
        }
    return inside;
}

/* The 8-connected part above writing->low that holds `start`. */
static part fill(const dd__image *plane, const dd__image *dark, const dd__writing *writing,
                 uint32_t start, parts *found) {
    part made = {.box = {plane->width, plane->height, 0, 0}};
    found->labels[start] = (uint32_t)found->count + 1;
    found->stack[found->waiting++] = start;
    while (found->waiting) {
        uint32_t at = found->stack[--found->waiting];
        take_pixel(&made, at % plane->width, at / plane->width, plane->pixels[at]);
        made.strong |= plane->pixels[at] > writing->high;
        if (take_neighbours(plane, writing->low, at, found)) continue;
        made.edge++;
        made.drop += drop_at(dark, at);
    }
    return made;
}

static dd_status add_part(parts *found, part made) {
    if (found->count == found->room) {
        size_t room = found->room ? 2 * found->room : 64;
        part *items = dd__resize(found->items, room, sizeof *items);
        if (!items) return dd__no_memory(room * sizeof *items);
        found->items = items;
        found->room = room;
    }
    found->items[found->count++] = made;
    return DD_OK;
}

static dd_status split(const dd__image *plane, const dd__image *dark, const dd__writing *writing,
                       parts *found) {
    size_t count = (size_t)plane->width * plane->height;
    found->labels = dd__alloc(count, sizeof *found->labels);
    found->stack = dd__alloc(count, sizeof *found->stack);
    if (!found->labels || !found->stack) return dd__no_memory(count * sizeof *found->stack);
    for (uint32_t y = 0; y < plane->height; y++)
        for (uint32_t x = 0; x < plane->width; x++) {
            uint32_t at = y * plane->width + x;
            if (found->labels[at] || plane->pixels[at] <= writing->low) continue;
            DD_TRY(add_part(found, fill(plane, dark, writing, at, found)));
        }
    return DD_OK;
}

/* ---- The digit among them ----------------------------------------------------------------------- */

static double mean_level(const part *of) { return (double)of->sum / (double)of->count; }

/* 1 in the picture's middle, less towards its border. */
static double nearness(const dd__image *plane, dd__area box) {
    double x = (box.left + box.right) / (double)plane->width - 1;
    double y = (box.top + box.bottom) / (double)plane->height - 1;
    return 1 - 0.4 * fmin(x * x + y * y, 1);
}

static bool touches_border(const dd__image *plane, dd__area box) {
    return box.left == 0 || box.top == 0 || box.right == plane->width ||
           box.bottom == plane->height;
}

/* How many of the picture's corners a part has. */
static int corners_of(const dd__image *plane, const parts *found, uint32_t label) {
    size_t right = plane->width - 1, below = (size_t)(plane->height - 1) * plane->width;
    return (found->labels[0] == label) + (found->labels[right] == label) +
           (found->labels[below] == label) + (found->labels[below + right] == label);
}

/* Whether a part is all next to its box, on three sides at least, as the frame of a form is. A
 * nought's strokes are farther in where it is round. */
static bool is_frame(const dd__image *plane, const parts *found, uint32_t label) {
    const part *of = &found->items[label - 1];
    dd__area box = of->box;
    unsigned across = (box.right - box.left) / 10, down = (box.bottom - box.top) / 10;
    size_t side[4] = {0}, inner = 0;
    for (unsigned y = box.top; y < box.bottom; y++)
        for (unsigned x = box.left; x < box.right; x++) {
            if (found->labels[(size_t)y * plane->width + x] != label) continue;
            bool is_in[4] = {x < box.left + across, x >= box.right - across, y < box.top + down,
                             y >= box.bottom - down};
            for (int i = 0; i < 4; i++) side[i] += is_in[i];
            inner += !is_in[0] && !is_in[1] && !is_in[2] && !is_in[3];
        }
    int sides = 0;
    for (int i = 0; i < 4; i++) sides += side[i] * 8 > of->count;
    return inner * 20 < of->count && sides >= 3;
}

/* Whether a part is straight, thin and nearly as long as the picture, as ruled lines are. */
static bool is_line(const dd__image *plane, dd__area box) {
    unsigned width = box.right - box.left, height = box.bottom - box.top;
    bool across = width * 4 > plane->width * 3 && height * 25 < width;
    return across || (height * 4 > plane->height * 3 && width * 25 < height);
}

static double stroke_width(size_t pixels, size_t edge) {
    return 2.0 * (double)pixels / (double)edge;
}

static bool stands_out(const part *of) { return of->strong && mean_level(of) >= LEAST_CONTRAST; }

/* How conspicuous: dark, long, sharp, in the middle; but not as thick as only spots and shadows
 * are, and no part of a printed form. */
static double weigh(const dd__image *plane, const parts *found, uint32_t label) {
    const part *of = &found->items[label - 1];
    double length = dd__area_longer_side(of->box), shorter = fmin(plane->width, plane->height);
    double sharpness = (double)of->drop / (double)of->edge / mean_level(of);
    double weight = mean_level(of) * nearness(plane, of->box) * length / (length + shorter / 5) *
                    (0.2 + fmin(sharpness, 0.8));
    double thickness = stroke_width(of->count, of->edge) / length;
    if (thickness > 0.3) weight *= 0.3 / thickness * 0.5;
    if (touches_border(plane, of->box)) weight *= 0.6 / (1 + 3 * corners_of(plane, found, label));
    if (is_line(plane, of->box)) weight /= 4;
    return of->printed ? weight / 10 : weight;
}

static unsigned gap(unsigned low, unsigned high, unsigned other_low, unsigned other_high) {
    return other_low > high ? other_low - high : low > other_high ? low - other_high : 0;
}

static bool is_near(dd__area digit, dd__area other) {
    unsigned across = gap(digit.left, digit.right, other.left, other.right);
    unsigned down = gap(digit.top, digit.bottom, other.top, other.bottom);
    return (across > down ? across : down) * 5 <= dd__area_longer_side(digit);
}

static void unite(dd__area *box, dd__area other) {
    if (other.left < box->left) box->left = other.left;
    if (other.top < box->top) box->top = other.top;
    if (other.right > box->right) box->right = other.right;
    if (other.bottom > box->bottom) box->bottom = other.bottom;
}

/* Marks what belongs to the digit that `main` is most of. */
static void gather(parts *found, const part *main, dd__writing *writing) {
    size_t pixels = 0, edge = 0, sum = 0, all = 0;
    unsigned length = dd__area_longer_side(main->box);
    writing->box = main->box;
    for (bool grown = true; grown;) {
        grown = false;
        for (size_t i = 0; i < found->count; i++) {
            part *other = &found->items[i];
            bool belongs = other == main ||
                           (other->strong && !other->printed && other->count * 25 >= main->count &&
                            2 * mean_level(other) >= mean_level(main) &&
                            dd__area_longer_side(other->box) * 2 <= length * 3 &&
                            is_near(writing->box, other->box));
            if (other->kept || !belongs) continue;
            other->kept = grown = true;
            unite(&writing->box, other->box);
            pixels += other->count;
            edge += other->edge;
            sum += other->sum;
        }
    }
    for (size_t i = 0; i < found->count; i++) all += found->items[i].sum;
    writing->weight *= 0.3 + 0.7 * (double)sum / (double)all;
    writing->stroke = stroke_width(pixels, edge);
}

static dd_status choose(const dd__image *plane, parts *found, dd__writing *writing) {
    const part *main = NULL;
    for (uint32_t label = 1; label <= found->count; label++) {
        part *of = &found->items[label - 1];
        if (!stands_out(of)) continue;
        of->printed = is_frame(plane, found, label);
        double weight = weigh(plane, found, label);
        if (weight <= writing->weight) continue;
        writing->weight = weight;
        main = of;
    }
    if (!main) return DD_OK;
    gather(found, main, writing);
    size_t count = (size_t)plane->width * plane->height;
    writing->kept = dd__alloc(count, 1);
    if (!writing->kept) return dd__no_memory(count);
    for (size_t i = 0; i < count; i++)
        writing->kept[i] = found->labels[i] && found->items[found->labels[i] - 1].kept;
    return DD_OK;
}

dd_status dd__parts_find(const dd__image *contrast, const dd__image *dark, dd__writing *writing) {
    *writing = (dd__writing){.kept = NULL};
    parts found = {.items = NULL};
    choose_levels(contrast, writing);
    dd_status status = split(contrast, dark, writing, &found);
    if (status == DD_OK) status = choose(contrast, &found, writing);
    dd__free(found.items);
    dd__free(found.labels);
    dd__free(found.stack);
    return status;
}
