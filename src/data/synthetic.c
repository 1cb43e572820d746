/* synthetic.c: digits drawn from skeletons, for when there are no others.
 *
 * Every digit has one to three skeletons of strokes. An image jitters the skeleton's points, joins
 * them smoothly, squeezes, slants and turns them, and draws them with a pen of some width. Then it
 * is fitted as MNIST's are: about 20x20, centre of mass in the middle of 28x28. Image i of a seed
 * and split is the same whatever the count. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "data/dataset.h"
#include "data/skeletons.h"
#include "data/sources.h"

enum {
    SIDE = 28,
    DIGITS = 10,
    STEPS = 6,                           /* lines a curve's span is drawn with */
    LINES = DD__SKELETON_POINTS * STEPS, /* most lines of a stroke */
    MOST = 10000000,                     /* images that fit a computer */
    BLOCKS = 1024,                       /* Philox blocks set aside for an image */
};

typedef struct point {
    float x, y; /* to the right, down */
} point;

typedef struct drawing {
    struct {
        point points[LINES + 1]; /* (count) joined by straight lines */
        unsigned count;
    } strokes[DD__SKELETON_STROKES];
    unsigned count;
} drawing;

static float between(dd__random *random, float low, float high) {
    return low + (high - low) * dd__random_uniform(random);
}

/* Normal, but not beyond two standard deviations: no digit should be past recognition. */
static float around(dd__random *random, float mean, float deviation) {
    float x = dd__random_normal(random);
    return mean + deviation * (x < -2 ? -2 : x > 2 ? 2 : x);
}

/* Catmull-Rom: the curve through p1 and p2 that heads as p0 and p3 ask; t from 0 to 1. */
static float spline(float p0, float p1, float p2, float p3, float t) {
    return 0.5f * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t * t +
                   (3 * p1 - p0 - 3 * p2 + p3) * t * t * t);
}

static unsigned neighbour(const dd__stroke *stroke, int index) {
    int count = stroke->count;
    if (stroke->form == DD__STROKE_CLOSED) return (unsigned)((index + count) % count);
    return (unsigned)(index < 0 ? 0 : index >= count ? count - 1 : index);
}

/* Joins the jittered points of a stroke; returns how many points out has, at most LINES + 1. */
static unsigned join(const dd__stroke *stroke, const point *at, point *out) {
    int spans = stroke->form == DD__STROKE_CLOSED ? stroke->count : stroke->count - 1;
    unsigned used = 0;
    out[used++] = at[0];
    for (int i = 0; i < spans; i++) {
        point p0 = at[neighbour(stroke, i - 1)], p1 = at[neighbour(stroke, i)];
        point p2 = at[neighbour(stroke, i + 1)], p3 = at[neighbour(stroke, i + 2)];
        int steps = stroke->form == DD__STROKE_STRAIGHT ? 1 : STEPS;
        for (int k = 1; k <= steps; k++) {
            float t = (float)k / (float)steps;
            out[used++] = steps == 1 ? p2
                                     : (point){spline(p0.x, p1.x, p2.x, p3.x, t),
                                               spline(p0.y, p1.y, p2.y, p3.y, t)};
        }
    }
    return used;
}

static void sketch(dd__random *random, const dd__skeleton *skeleton, drawing *out) {
    out->count = skeleton->count;
    for (unsigned s = 0; s < skeleton->count; s++) {
        const dd__stroke *stroke = &skeleton->strokes[s];
        point at[DD__SKELETON_POINTS] = {{0, 0}};
        for (unsigned i = 0; i < stroke->count; i++) {
            at[i].x = around(random, (float)stroke->points[i][0] / 100, 0.03f);
            at[i].y = around(random, (float)stroke->points[i][1] / 100, 0.03f);
        }
        out->strokes[s].count = join(stroke, at, out->strokes[s].points);
    }
}

/* Squeezes, slants and turns about the centre of the unit square. */
static void bend(dd__random *random, drawing *out) {
    float width = between(random, 0.65f, 1.1f), slant = around(random, 0.12f, 0.22f);
    float angle = around(random, 0, 0.1f), cosine = cosf(angle), sine = sinf(angle);
    for (unsigned s = 0; s < out->count; s++)
        for (unsigned i = 0; i < out->strokes[s].count; i++) {
            point *at = &out->strokes[s].points[i];
            float y = at->y - 0.5f, x = (at->x - 0.5f) * width - y * slant;
            *at = (point){x * cosine - y * sine, x * sine + y * cosine};
        }
}

/* Scales to `size` pixels and moves the strokes' centre of mass to `center`, as far as the ink, of
 * this pen radius, stays in the picture. */
static void fit(drawing *out, float size, point center, float radius) {
    point low = {1e9f, 1e9f}, high = {-1e9f, -1e9f}, sum = {0, 0};
    float mass = 1e-6f;
    for (unsigned s = 0; s < out->count; s++)
        for (unsigned i = 0; i < out->strokes[s].count; i++) {
            point at = out->strokes[s].points[i], last = i ? out->strokes[s].points[i - 1] : at;
            float length = hypotf(at.x - last.x, at.y - last.y);
            low = (point){fminf(low.x, at.x), fminf(low.y, at.y)};
            high = (point){fmaxf(high.x, at.x), fmaxf(high.y, at.y)};
            sum.x += length * (at.x + last.x) / 2;
            sum.y += length * (at.y + last.y) / 2;
            mass += length;
        }
    float scale = size / fmaxf(fmaxf(high.x - low.x, high.y - low.y), 0.1f);
    float x = center.x - scale * sum.x / mass, y = center.y - scale * sum.y / mass;
    x = fmaxf(fminf(x, SIDE - radius - scale * high.x), radius - scale * low.x);
    y = fmaxf(fminf(y, SIDE - radius - scale * high.y), radius - scale * low.y);
    for (unsigned s = 0; s < out->count; s++)
        for (unsigned i = 0; i < out->strokes[s].count; i++) {
            point *at = &out->strokes[s].points[i];
            *at = (point){at->x * scale + x, at->y * scale + y};
        }
}

static float distance(point p, point a, point b) {
    float dx = b.x - a.x, dy = b.y - a.y, square = dx * dx + dy * dy;
    float t = square > 0 ? ((p.x - a.x) * dx + (p.y - a.y) * dy) / square : 0;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    return hypotf(p.x - a.x - t * dx, p.y - a.y - t * dy);
}

static int pixel(float x) { return x < 0 ? 0 : x > SIDE - 1 ? SIDE - 1 : (int)x; }

/* Draws one line with soft edges; where lines meet, the brighter one counts. */
static void draw_line(point a, point b, float radius, float ink, uint8_t *out) {
    float reach = radius + 1;
    int left = pixel(fminf(a.x, b.x) - reach), right = pixel(fmaxf(a.x, b.x) + reach);
    int top = pixel(fminf(a.y, b.y) - reach), bottom = pixel(fmaxf(a.y, b.y) + reach);
    for (int y = top; y <= bottom; y++)
        for (int x = left; x <= right; x++) {
            point center = {(float)x + 0.5f, (float)y + 0.5f};
            float cover = (radius + 0.6f - distance(center, a, b)) / 1.2f;
            if (cover <= 0) continue;
            uint8_t level = (uint8_t)(ink * (cover > 1 ? 1 : cover));
            if (level > out[y * SIDE + x]) out[y * SIDE + x] = level;
        }
}

int dd__synthetic_draw(uint64_t seed, dd_split split, uint64_t index, uint8_t *out) {
    uint32_t half = split == DD_SPLIT_TEST ? UINT32_C(1) << 31 : 0;
    uint32_t ten = (uint32_t)(index / DIGITS) | half;
    unsigned digit = dd__permute(seed, ten, (uint32_t)(index % DIGITS), DIGITS);
    dd__random random = dd__random_start(seed, DD__STREAM_SYNTHETIC);
    random.counter = (uint64_t)half << 32 | index * BLOCKS;
    drawing lines;
    const dd__skeleton *all = dd__skeletons[digit];
    sketch(&random, &all[dd__random_below(&random, dd__skeleton_counts[digit])], &lines);
    bend(&random, &lines);
    float radius = between(&random, 0.8f, 1.7f), ink = between(&random, 235, 255);
    point center = {between(&random, 13.5f, 15.5f), between(&random, 13.5f, 15.5f)};
    fit(&lines, between(&random, 18, 20.5f) - 2 * radius, center, radius);
    memset(out, 0, SIDE * SIDE);
    for (unsigned s = 0; s < lines.count; s++)
        for (unsigned i = 1; i < lines.strokes[s].count; i++)
            draw_line(lines.strokes[s].points[i - 1], lines.strokes[s].points[i], radius, ink, out);
    return (int)digit;
}

bool dd__is_synthetic(const char *source) {
    size_t length = strlen("synthetic");
    return strncmp(source, "synthetic", length) == 0 &&
           (source[length] == 0 || source[length] == ':');
}

/* A number from `least` to `most` at *text, which it moves behind it. */
static bool read_number(const char **text, uint64_t least, uint64_t most, uint64_t *number) {
    if (**text < '0' || **text > '9') return false;
    char *end;
    errno = 0;
    unsigned long long value = strtoull(*text, &end, 10);
    *text = end;
    *number = value;
    return errno == 0 && value >= least && value <= most;
}

static dd_status parse(const char *source, uint64_t *count, uint64_t *seed) {
    const char *text = source + strlen("synthetic");
    if (*text == ':') {
        text++;
        if (!read_number(&text, 1, MOST, count) || (*text && *text != ':'))
            return dd__fail(DD_USAGE,
                            "\"%s\": expected a count from 1 to %d in synthetic[:COUNT[:SEED]]",
                            source, MOST);
    }
    if (*text == ':') {
        text++;
        if (!read_number(&text, 0, UINT64_MAX, seed) || *text)
            return dd__fail(DD_USAGE,
                            "\"%s\": expected a seed from 0 to %" PRIu64
                            " in synthetic[:COUNT[:SEED]]",
                            source, UINT64_MAX);
    }
    return DD_OK;
}

dd_status dd__synthetic_load(const char *source, dd_split split, dd_dataset **dataset) {
    *dataset = NULL;
    uint64_t count = split == DD_SPLIT_TEST ? 2000 : 10000, seed = 42;
    DD_TRY(parse(source, &count, &seed));
    dd_dataset *made;
    DD_TRY(dd__dataset_new((size_t)count, SIDE, SIDE, 1, true, &made));
    for (size_t i = 0; i < made->count; i++)
        made->labels[i] = dd__synthetic_draw(seed, split, i, made->pixels + i * SIDE * SIDE);
    dd_status status = dd__dataset_check_labels(made, DIGITS);
    if (status == DD_OK)
        *dataset = made;
    else
        dd_dataset_free(made);
    return status;
}
