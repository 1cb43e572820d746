/* views.cl: images as they are and seen through fixed maps; x (N, H, W, C), y (N * M, H, W, C).
 *
 * Row n * M + m of y is image n through map m. Counted from the image's middle, (H - 1) / 2 and
 * (W - 1) / 2, pixel (r, s) of y shows place (h, w) of x, moved inside, between four pixels:
 *
 *   h = keep r + turn s + down        w = keep s - turn r + right
 *
 * The maps, as src/graph/views.h has them: 0 is the identity; 1 to turned - 1 move by `shift` down, up,
 * right and left; turned and the next one turn counter-clockwise and clockwise, by an angle whose cosine
 * and sine are given; of zoomed and the next one keep is `grown` and `shrunk`.
 *
 * Built with -DVW=1 for the first form; for the second with the channels' vectors, 1 where there are none.
 * Launch:  views         a work-item an element of y, c fastest: count, rounded up to the group
 *          views_vector  for CPU runtimes: a work-item a group does `chunk` of the `count` rows
 *                        (n, m, oh) of y
 */

typedef struct {
    float keep, turn, down, right;
} Map;

#define MAPS \
    int M, int turned, int zoomed, float shift, float cosine, float sine, float grown, float shrunk
#define PASS_MAPS M, turned, zoomed, shift, cosine, sine, grown, shrunk

/* They come in pairs, of which the first has an odd number. */
inline Map map_of(int m, MAPS) {
    bool first = m & 1;
    Map map = {1, 0, 0, 0};
    if (m >= zoomed) {
        map.keep = first ? grown : shrunk;
    } else if (m >= turned) {
        map.keep = cosine;
        map.turn = first ? sine : -sine;
    } else if (m > 0) {
        float by = first ? -shift : shift;
        map.down = m <= 2 ? by : 0.0f;
        map.right = m <= 2 ? 0.0f : by;
    }
    return map;
}

/* Channels c up to c + VW - 1 of pixel (oh, ow) of a view of the image. */
inline V seen(global const float *image, const Map *map, int oh, int ow, int c, int H, int W, int C) {
    float middle_h = 0.5f * (float)(H - 1), middle_w = 0.5f * (float)(W - 1);
    float r = (float)oh - middle_h, s = (float)ow - middle_w;
    float h = FMA(map->keep, r, FMA(map->turn, s, map->down + middle_h));
    float w = FMA(map->keep, s, FMA(-map->turn, r, map->right + middle_w));
    h = clamp(h, 0.0f, (float)(H - 1));
    w = clamp(w, 0.0f, (float)(W - 1));
    int top = (int)h, left = (int)w;
    int below = top + 1 < H ? W * C : 0, beside = left + 1 < W ? C : 0;
    V low = (V)(h - (float)top), aside = (V)(w - (float)left);
    global const float *at = image + (top * W + left) * C + c;
    V a = VLOAD(at), b = VLOAD(at + beside), d = VLOAD(at + below), e = VLOAD(at + below + beside);
    V upper = FMA(b - a, aside, a), lower = FMA(e - d, aside, d);
    return FMA(lower - upper, low, upper);
}

kernel void views(global const float *restrict x, global float *restrict y, int H, int W, int C,
                  MAPS, int count) {
    int i = (int)get_global_id(0);
    if (i >= count) return;
    int c = i % C, ow = i / C % W, oh = i / C / W % H, row = i / C / W / H;
    const Map map = map_of(row % M, PASS_MAPS);
    VSTORE(seen(x + row / M * H * W * C, &map, oh, ow, c, H, W, C), y + i);
}

kernel void views_vector(global const float *restrict x, global float *restrict y, int H, int W,
                         int C, MAPS, int count, int chunk) {
    int line = (int)get_global_id(0) * chunk, end = min(line + chunk, count);
    for (; line < end; line++) {
        int oh = line % H, row = line / H;
        const Map map = map_of(row % M, PASS_MAPS);
        global const float *image = x + row / M * H * W * C;
        global float *to = y + line * W * C;
        for (int c = 0; c < C; c += VW) /* outside, so that one channel's loop becomes vectors */
            for (int ow = 0; ow < W; ow++)
                VSTORE(seen(image, &map, oh, ow, c, H, W, C), to + ow * C + c);
    }
}
