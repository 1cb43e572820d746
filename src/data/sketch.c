/* sketch.c: strokes as one writer makes them, once: between a skeleton's two extremes, with points
 * that miss a little, ends too short or too long and corners more or less round. */
#include "data/drawing.h"

float dd__between(dd__random *random, float low, float high) {
    return low + (high - low) * dd__random_uniform(random);
}

float dd__around(dd__random *random, float mean, float deviation) {
    float x = dd__random_normal(random);
    return mean + deviation * (x < -2 ? -2 : x > 2 ? 2 : x);
}

static float mix(float a, float b, float t) { return a + (b - a) * t; }

/* Catmull-Rom: the curve through p1 and p2 that heads as p0 and p3 ask; t from 0 to 1. */
static float spline(float p0, float p1, float p2, float p3, float t) {
    return 0.5f * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t * t +
                   (3 * p1 - p0 - 3 * p2 + p3) * t * t * t);
}

/* The point beyond `at` that a span heads for: `next`, or less of it where `at` is a corner. */
static dd__point beyond(const dd__stroke *stroke, unsigned at, dd__point self, dd__point next,
                        float sharpness) {
    float hold = stroke->points[at].corner ? sharpness : 0;
    return (dd__point){mix(next.x, self.x, hold), mix(next.y, self.y, hold)};
}

static void join(const dd__stroke *stroke, const dd__point *at, float sharpness, dd__line *out) {
    unsigned last = stroke->count - 1;
    out->points[0] = at[0];
    out->count = 1;
    for (unsigned i = 0; i < last; i++) {
        dd__point p1 = at[i], p2 = at[i + 1];
        dd__point p0 = beyond(stroke, i, p1, at[i ? i - 1 : 0], sharpness);
        dd__point p3 = beyond(stroke, i + 1, p2, at[i + 2 > last ? last : i + 2], sharpness);
        for (int k = 1; k <= DD__SPAN_LINES; k++) {
            float t = (float)k / DD__SPAN_LINES;
            out->points[out->count++] =
                (dd__point){spline(p0.x, p1.x, p2.x, p3.x, t), spline(p0.y, p1.y, p2.y, p3.y, t)};
        }
    }
}

/* Moves an end of a stroke along its first or last span: out when `by` is positive. */
static void stretch(dd__point *end, dd__point inner, float by) {
    end->x += by * (end->x - inner.x);
    end->y += by * (end->y - inner.y);
}

void dd__sketch(dd__random *random, const dd__skeleton *skeleton, dd__drawing *out) {
    float blend = dd__between(random, -0.25f, 1.25f), sharpness = dd__between(random, 0.3f, 1);
    float wobble = dd__between(random, 0.005f, 0.03f);
    out->count = skeleton->count;
    for (unsigned s = 0; s < skeleton->count; s++) {
        const dd__stroke *stroke = &skeleton->strokes[s];
        dd__point at[DD__SKELETON_POINTS] = {{0, 0}};
        float x = dd__around(random, 0, 0.02f), y = dd__around(random, 0, 0.02f);
        for (unsigned i = 0; i < stroke->count; i++) {
            const dd__node *node = &stroke->points[i];
            at[i].x = mix(node->x[0], node->x[1], blend) / 100 + dd__around(random, x, wobble);
            at[i].y = mix(node->y[0], node->y[1], blend) / 100 + dd__around(random, y, wobble);
        }
        stretch(&at[0], at[1], dd__around(random, 0, 0.2f));
        stretch(&at[stroke->count - 1], at[stroke->count - 2], dd__around(random, 0, 0.2f));
        join(stroke, at, sharpness, &out->lines[s]);
    }
}
