/* pen.c: ink on paper, in MNIST's frame: the ink's box is about 20 pixels on its longer side, and
 * its centre of mass lies, to the pixel, in the middle of 28x28 (LeCun, Cortes, Burges: the MNIST
 * database). The pen's radius follows the stroke's direction (a broad nib), the pressure along the
 * stroke and the roughness of the paper. */
#include <math.h>
#include <string.h>

#include "data/drawing.h"

static const float middle = DD__SIDE / 2.0f;

typedef struct tool {
    float radius;            /* pixels */
    float nib, nib_angle;    /* how much wider across nib_angle, radians */
    float press, pace, turn; /* how much wider at the crests of a wave of `pace` radians a pixel */
    float rough;             /* deviation of the radius, a share of it */
    float soft;              /* pixels from full ink to none */
    float ink;               /* level of full ink */
} tool;

/* One statement a number: within one, the compiler may choose their order. */
static tool choose(dd__random *random) {
    tool pen;
    pen.radius = 1.22f * expf(dd__around(random, 0, 0.28f));
    pen.nib = dd__between(random, 0, 0.25f);
    pen.nib_angle = dd__between(random, 0, 3.1416f);
    pen.press = dd__between(random, 0, 0.25f);
    pen.pace = dd__between(random, 0.1f, 0.5f);
    pen.turn = dd__between(random, 0, 6.2832f);
    pen.rough = dd__between(random, 0, 0.12f);
    pen.soft = dd__between(random, 0.7f, 1.2f);
    pen.ink = dd__between(random, 245, 256);
    return pen;
}

typedef struct extent {
    dd__point low, high;
} extent;

static extent enclose(const dd__drawing *drawing) {
    extent found = {{1e9f, 1e9f}, {-1e9f, -1e9f}};
    for (unsigned s = 0; s < drawing->count; s++)
        for (unsigned i = 0; i < drawing->lines[s].count; i++) {
            dd__point at = drawing->lines[s].points[i];
            found.low = (dd__point){fminf(found.low.x, at.x), fminf(found.low.y, at.y)};
            found.high = (dd__point){fmaxf(found.high.x, at.x), fmaxf(found.high.y, at.y)};
        }
    return found;
}

/* Scales and moves the lines so that they with their ink are `size` pixels long and in the
 * picture's middle. What is narrow was written smaller, so that its strokes grow more. */
static void fit(dd__drawing *drawing, float size, tool *pen) {
    extent box = enclose(drawing);
    float width = box.high.x - box.low.x, height = fmaxf(box.high.y - box.low.y, 0.1f);
    pen->radius *= 1 + 0.35f * fmaxf(0.7f - width / height, 0);
    float scale = (size - 2 * pen->radius) / fmaxf(width, height);
    float x = middle - scale * (box.low.x + box.high.x) / 2;
    float y = middle - scale * (box.low.y + box.high.y) / 2;
    for (unsigned s = 0; s < drawing->count; s++)
        for (unsigned i = 0; i < drawing->lines[s].count; i++) {
            dd__point *at = &drawing->lines[s].points[i];
            *at = (dd__point){at->x * scale + x, at->y * scale + y};
        }
}

static int pixel(float x) { return x < 0 ? 0 : x > DD__SIDE - 1 ? DD__SIDE - 1 : (int)x; }

/* Draws a line whose radius goes from `start` to `end`; where lines meet, the brighter counts. */
static void draw_line(const tool *pen, dd__point a, dd__point b, float start, float end,
                      uint8_t *out) {
    float reach = fmaxf(start, end) + pen->soft / 2;
    int left = pixel(fminf(a.x, b.x) - reach), right = pixel(fmaxf(a.x, b.x) + reach);
    int top = pixel(fminf(a.y, b.y) - reach), bottom = pixel(fmaxf(a.y, b.y) + reach);
    float dx = b.x - a.x, dy = b.y - a.y, square = fmaxf(dx * dx + dy * dy, 1e-12f);
    for (int y = top; y <= bottom; y++)
        for (int x = left; x <= right; x++) {
            float px = (float)x + 0.5f - a.x, py = (float)y + 0.5f - a.y;
            float t = (px * dx + py * dy) / square;
            t = t < 0 ? 0 : t > 1 ? 1 : t;
            float ex = px - t * dx, ey = py - t * dy, distance = sqrtf(ex * ex + ey * ey);
            float cover = (start + t * (end - start) - distance) / pen->soft + 0.5f;
            if (cover <= 0) continue;
            uint8_t level = (uint8_t)(pen->ink * (cover > 1 ? 1 : cover));
            if (level > out[y * DD__SIDE + x]) out[y * DD__SIDE + x] = level;
        }
}

static void draw_stroke(dd__random *random, const tool *pen, const dd__line *line, uint8_t *out) {
    float path = dd__between(random, 0, 30), last = 0;
    for (unsigned i = 1; i < line->count; i++) {
        dd__point a = line->points[i - 1], b = line->points[i];
        float dx = b.x - a.x, dy = b.y - a.y;
        path += sqrtf(dx * dx + dy * dy);
        float radius = pen->radius * (1 + pen->nib * cosf(2 * (atan2f(dy, dx) - pen->nib_angle)) +
                                      pen->press * sinf(pen->pace * path + pen->turn) +
                                      dd__around(random, 0, pen->rough));
        radius = fmaxf(radius, 0.5f);
        draw_line(pen, a, b, i == 1 ? radius : last, radius, out);
        last = radius;
    }
}

/* How far to move what weighs `moment / mass` from pixel 0 to have it at the middle; within
 * [-before, after], the room that there is. */
static int to_middle(float moment, float mass, int before, int after) {
    int by = (int)floorf(middle - moment / mass + 0.5f);
    return by < -before ? -before : by > after ? after : by;
}

static void center(const uint8_t *picture, uint8_t *out) {
    float mass = 1e-6f, along = 0, down = 0;
    int left = DD__SIDE, right = 0, top = DD__SIDE, bottom = 0;
    for (int y = 0; y < DD__SIDE; y++)
        for (int x = 0; x < DD__SIDE; x++) {
            float level = picture[y * DD__SIDE + x];
            if (level <= 0) continue;
            mass += level;
            along += level * (float)x;
            down += level * (float)y;
            left = x < left ? x : left;
            right = x > right ? x : right;
            top = y < top ? y : top;
            bottom = y;
        }
    int dx = to_middle(along, mass, left - 1, DD__SIDE - 2 - right);
    int dy = to_middle(down, mass, top - 1, DD__SIDE - 2 - bottom);
    memset(out, 0, DD__SIDE * DD__SIDE);
    for (int y = top; y <= bottom; y++)
        memcpy(out + (y + dy) * DD__SIDE + left + dx, picture + y * DD__SIDE + left,
               (size_t)right - (size_t)left + 1);
}

void dd__pen_draw(dd__random *random, dd__drawing *drawing, uint8_t *out) {
    tool pen = choose(random);
    uint8_t picture[DD__SIDE * DD__SIDE] = {0};
    fit(drawing, dd__between(random, 18.5f, 20.3f), &pen);
    for (unsigned s = 0; s < drawing->count; s++)
        draw_stroke(random, &pen, &drawing->lines[s], picture);
    center(picture, out);
}
