/* dd_model_diagram: a network as a picture, in a file or inside a page. Layers stand one below the
 * other in the order of the file, which is an order of computing; an input that is not the layer
 * above comes around on the right. Narrow, so that it can be read on a phone; its numbers are
 * written as in the page's table.
 */
#include "report/diagram.h"

#include "base/file.h"
#include "report/markup.h"

/* In units of the picture, which is shown at this size in pixels where there is room. */
enum {
    MARGIN = 12,
    WIDTH = 340, /* of a box */
    INSIDE = 10, /* from a box's side to its text */
    LINE = 19,   /* from a line of text to the next */
    GAP = 22,    /* between boxes */
    LETTER = 7,  /* about the width of one, of 13 pixels */
    RIGHT = MARGIN + WIDTH,
};

typedef struct drawing {
    FILE *file;
    const dd_model *model;
    int *top, *bottom; /* (layers + 1) of the boxes: the image, then the layers */
} drawing;

/* Inside a page, rules of a picture hold for all of the page: hence the class before each. */
static const char style[] =
    "<style>\n"
    "  .network text { font: 13px system-ui, sans-serif; fill: #1c2733 }\n"
    "  .network .small { font-size: 12px; fill: #5b6875 }\n"
    "  .network rect { fill: #eef2f6; stroke: #b9c4cf }\n"
    "  .network .learns { fill: #dcebff; stroke: #7aa7de }\n"
    "  .network path { fill: none; stroke: #7d8b99; stroke-width: 1.5 }\n"
    "  .network marker path { fill: #7d8b99; stroke: none }\n"
    "  @media screen and (prefers-color-scheme: dark) {\n"
    "    .network text { fill: #e6ebf0 } .network .small { fill: #a3afba }\n"
    "    .network rect { fill: #26303a; stroke: #4a5764 }\n"
    "    .network .learns { fill: #1d3a5f; stroke: #4a7ab5 }\n"
    "  }\n"
    "</style>\n"
    "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" "
    "markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>\n";

/* ---- Boxes ------------------------------------------------------------------------------- */

static int lines_of(const dd_layer_info *layer) { return layer->parameters > 0 ? 3 : 2; }

/* Places the boxes; returns where the picture ends. */
static int place(drawing *d, size_t layers) {
    int y = MARGIN;
    for (size_t box = 0; box <= layers; box++) {
        dd_layer_info layer = {.parameters = 1};
        if (box > 0) (void)dd_model_layer(d->model, box - 1, &layer);
        d->top[box] = y;
        d->bottom[box] = y + LINE * lines_of(&layer) + INSIDE;
        y = d->bottom[box] + GAP;
    }
    return y - GAP + MARGIN;
}

static void draw_box(drawing *d, size_t box, bool learns) {
    fprintf(d->file, "<rect%s x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"8\"/>\n",
            learns ? " class=\"learns\"" : "", MARGIN, d->top[box], WIDTH,
            d->bottom[box] - d->top[box]);
}

static void begin_text(drawing *d, size_t box, int line, const char *more) {
    fprintf(d->file, "<text x=\"%d\" y=\"%d\"%s%s>", MARGIN + INSIDE,
            d->top[box] + LINE * (line + 1), line ? " class=\"small\"" : "", more);
}

static int letters(const char *text) {
    int count = 0;
    for (; *text; text++) count += ((unsigned char)*text & 0xC0) != 0x80;
    return count;
}

/* Text of any length, squeezed where it would not fit into `room`. */
static void draw_text(drawing *d, size_t box, int line, const char *text, const char *more,
                      int room) {
    char squeeze[64] = "";
    int width = (letters(text) + letters(more)) * (line ? LETTER - 1 : LETTER);
    if (width > room)
        snprintf(squeeze, sizeof squeeze, " textLength=\"%d\" lengthAdjust=\"spacingAndGlyphs\"",
                 room);
    begin_text(d, box, line, squeeze);
    dd__print_escaped(d->file, text);
    dd__print_escaped(d->file, more);
    fputs("</text>\n", d->file);
}

/* The shape of a box's output, at its right; returns the room that is left of it. */
static int draw_shape(drawing *d, size_t box, const unsigned *shape, unsigned rank) {
    int used = 0;
    fprintf(d->file, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", RIGHT - INSIDE,
            d->top[box] + LINE);
    for (unsigned i = 0; i < rank; i++) {
        fputs(i ? " &#215; " : "", d->file);
        used += fprintf(d->file, "%u", shape[i]) + (i ? 3 : 0);
    }
    fputs("</text>\n", d->file);
    return WIDTH - 2 * INSIDE - (used + 1) * LETTER;
}

/* "12,810 parameters, 0.195 MFLOP". FLOP are whole numbers: the small term rounds half of a digit
 * up, as scripts do. */
static void draw_size(drawing *d, size_t box, uint64_t parameters, double mflop) {
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)parameters);
    begin_text(d, box, 2, "");
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) fputc(',', d->file);
        fputc(digits[i], d->file);
    }
    fputs(parameters == 1 ? " parameter" : " parameters", d->file);
    if (mflop >= 0.0005) fprintf(d->file, ", %.3f MFLOP", mflop + 1e-9);
    fputs("</text>\n", d->file);
}

static void draw_image(drawing *d, const dd_model_info *info) {
    const unsigned shape[] = {info->height, info->width, info->channels};
    draw_box(d, 0, false);
    int room = draw_shape(d, 0, shape, 3);
    draw_text(d, 0, 0, "image", "", room);
    draw_text(d, 0, 1, "network: ", info->name, WIDTH - 2 * INSIDE);
    draw_size(d, 0, info->parameters, info->mflop);
}

static void draw_layer(drawing *d, size_t box, const dd_layer_info *layer) {
    char what[64];
    draw_box(d, box, layer->parameters > 0);
    int room = draw_shape(d, box, layer->output, layer->rank);
    draw_text(d, box, 0, layer->name, "", room);
    snprintf(what, sizeof what, "%s%s", layer->op, *layer->settings ? ": " : "");
    draw_text(d, box, 1, what, layer->settings, WIDTH - 2 * INSIDE);
    if (layer->parameters > 0) draw_size(d, box, layer->parameters, layer->mflop);
}

/* ---- Arrows ------------------------------------------------------------------------------ */

/* How far right a way around goes that passes as many layers; its curve reaches 3/4 of it. */
static int reach_of(int passed) { return passed > 1 ? 20 + 6 * (passed < 20 ? passed : 20) : 0; }

static void draw_arrow(drawing *d, int from, int to) {
    int begin = d->bottom[from], end = d->top[to];
    if (to - from == 1) {
        fprintf(d->file, "<path marker-end=\"url(#tip)\" d=\"M%d %dV%d\"/>\n", MARGIN + WIDTH / 2,
                begin, end);
        return;
    }
    int out = RIGHT + reach_of(to - from);
    begin = (d->top[from] + d->bottom[from]) / 2;
    end = (d->top[to] + d->bottom[to]) / 2;
    fprintf(d->file, "<path marker-end=\"url(#tip)\" d=\"M%d %dC%d %d %d %d %d %d\"/>\n", RIGHT,
            begin, out, begin, out, end, RIGHT, end);
}

/* The layers that the longest way around passes. */
static int longest_way(const dd_model *model, size_t layers) {
    int longest = 0;
    dd_layer_info layer;
    for (size_t i = 0; i < layers; i++) {
        (void)dd_model_layer(model, i, &layer);
        for (unsigned k = 0; k < layer.input_count; k++)
            if ((int)i - layer.inputs[k] > longest) longest = (int)i - layer.inputs[k];
    }
    return longest;
}

/* ---- The picture ------------------------------------------------------------------------- */

static void begin_picture(drawing *d, const dd_model_info *info, int height) {
    int width = RIGHT + reach_of(longest_way(d->model, info->layers)) * 3 / 4 + MARGIN;
    fprintf(d->file,
            "<svg class=\"network\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
            "width=\"%d\" height=\"%d\" role=\"img\">\n<title>",
            width, height, width, height);
    dd__print_escaped(d->file, info->name);
    fprintf(d->file, "</title>\n%s", style);
}

dd_status dd__diagram_draw(FILE *file, const dd_model *model) {
    dd_model_info info;
    dd_layer_info layer;
    dd_model_describe(model, &info);
    int *places = dd__alloc(2 * (info.layers + 1), sizeof *places);
    if (!places) return dd__no_memory(2 * (info.layers + 1) * sizeof *places);
    drawing d = {file, model, places, places + info.layers + 1};
    begin_picture(&d, &info, place(&d, info.layers));
    draw_image(&d, &info);
    for (size_t i = 0; i < info.layers; i++) {
        (void)dd_model_layer(model, i, &layer);
        draw_layer(&d, i + 1, &layer);
        for (unsigned k = 0; k < layer.input_count; k++)
            draw_arrow(&d, layer.inputs[k] + 1, (int)i + 1);
    }
    fprintf(file, "</svg>\n");
    dd__free(places);
    return DD_OK;
}

dd_status dd_model_diagram(const dd_model *model, const char *path) {
    dd__writer writer;
    DD_TRY(dd__writer_open(&writer, path));
    return dd__writer_close(&writer, dd__diagram_draw(writer.stream, model));
}
