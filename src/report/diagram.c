/* dd_model_diagram: a network as a picture. Layers stand one below the other in the order of the
 * file, which is an order of computing; an input that is not the layer above comes around on the
 * right.
 */
#include <stdio.h>

#include "base/file.h"
#include "model/model.h"

enum { LEFT = 20, WIDTH = 620, HEIGHT = 56, PITCH = 84, BEND = 26, MARGIN = 20 };

static const char style[] =
    "<style>\n"
    "  text { font: 13px system-ui, sans-serif; fill: #1c2733 }\n"
    "  .small { font-size: 11.5px; fill: #5b6875 }\n"
    "  rect { fill: #eef2f6; stroke: #b9c4cf }\n"
    "  .learns { fill: #dcebff; stroke: #7aa7de }\n"
    "  path { fill: none; stroke: #7d8b99; stroke-width: 1.5 }\n"
    "  marker path { fill: #7d8b99; stroke: none }\n"
    "  @media (prefers-color-scheme: dark) {\n"
    "    text { fill: #e6ebf0 } .small { fill: #a3afba }\n"
    "    rect { fill: #26303a; stroke: #4a5764 } .learns { fill: #1d3a5f; stroke: #4a7ab5 }\n"
    "  }\n"
    "</style>\n"
    "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" "
    "markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>\n";

/* Names come from files: what XML gives a meaning is escaped. */
static void print_text(FILE *file, const char *text) {
    for (; *text; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", file);
            break;
        case '>':
            fputs("&gt;", file);
            break;
        case '&':
            fputs("&amp;", file);
            break;
        case '"':
            fputs("&quot;", file);
            break;
        default:
            fputc(*text, file);
        }
    }
}

static int top_of(int layer) { return MARGIN + (layer + 1) * PITCH; } /* -1: the image */

static void draw_box(FILE *file, int layer, bool learns) {
    fprintf(file, "<rect%s x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"8\"/>\n",
            learns ? " class=\"learns\"" : "", LEFT, top_of(layer), WIDTH, HEIGHT);
}

/* One of a box's two lines of text, from its left or its right edge. */
static void begin_text(FILE *file, int layer, int line, bool right) {
    fprintf(file, "<text x=\"%d\" y=\"%d\"%s%s>", right ? LEFT + WIDTH - 12 : LEFT + 12,
            top_of(layer) + 22 + 20 * line, line ? " class=\"small\"" : "",
            right ? " text-anchor=\"end\"" : "");
}

static void draw_image(FILE *file, const dd_model_info *info) {
    draw_box(file, -1, false);
    begin_text(file, -1, 0, false);
    fprintf(file, "image</text>\n");
    begin_text(file, -1, 0, true);
    fprintf(file, "%u x %u x %u</text>\n", info->height, info->width, info->channels);
    begin_text(file, -1, 1, false);
    print_text(file, info->name);
    fprintf(file, ": %llu parameters, %.2f MFLOP</text>\n", (unsigned long long)info->parameters,
            info->mflop);
}

static void draw_layer(FILE *file, int index, const dd_layer_info *layer) {
    draw_box(file, index, layer->parameters > 0);
    begin_text(file, index, 0, false);
    print_text(file, layer->name);
    fprintf(file, "</text>\n");
    begin_text(file, index, 0, true);
    for (unsigned i = 0; i < layer->rank; i++) fprintf(file, i ? " x %u" : "%u", layer->output[i]);
    fprintf(file, "</text>\n");
    begin_text(file, index, 1, false);
    print_text(file, layer->op);
    if (*layer->settings) fprintf(file, ": ");
    print_text(file, layer->settings);
    fprintf(file, "</text>\n");
    if (layer->parameters == 0) return;
    begin_text(file, index, 1, true);
    fprintf(file, "%llu parameters", (unsigned long long)layer->parameters);
    if (layer->mflop >= 0.005) fprintf(file, ", %.2f MFLOP", layer->mflop);
    fprintf(file, "</text>\n");
}

static void draw_arrow(FILE *file, int from, int to) {
    int x = LEFT + WIDTH / 2, begin = top_of(from) + HEIGHT, end = top_of(to);
    if (to - from == 1) {
        fprintf(file, "<path marker-end=\"url(#tip)\" d=\"M%d %dV%d\"/>\n", x, begin, end);
        return;
    }
    int right = LEFT + WIDTH, middle = HEIGHT / 2, out = right + BEND + 6 * (to - from);
    fprintf(file, "<path marker-end=\"url(#tip)\" d=\"M%d %dC%d %d %d %d %d %d\"/>\n", right,
            top_of(from) + middle, out, top_of(from) + middle, out, end + middle, right,
            end + middle);
}

static dd_status draw(FILE *file, const dd_model *model) {
    dd_model_info info;
    dd_model_describe(model, &info);
    int reach = 0; /* layers that the longest way around passes */
    for (size_t i = 0; i < info.layers; i++) {
        dd_layer_info layer;
        DD_TRY(dd_model_layer(model, i, &layer));
        for (unsigned k = 0; k < layer.input_count; k++)
            if ((int)i - layer.inputs[k] > reach) reach = (int)i - layer.inputs[k];
    }
    int width = LEFT + WIDTH + MARGIN + (reach > 1 ? BEND + 6 * reach : 0);
    int height = top_of((int)info.layers) - PITCH + HEIGHT + MARGIN;
    fprintf(file,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
            "height=\"%d\" role=\"img\">\n<title>",
            width, height, width, height);
    print_text(file, info.name);
    fprintf(file, "</title>\n%s", style);
    draw_image(file, &info);
    for (size_t i = 0; i < info.layers; i++) {
        dd_layer_info layer;
        DD_TRY(dd_model_layer(model, i, &layer));
        draw_layer(file, (int)i, &layer);
        for (unsigned k = 0; k < layer.input_count; k++) draw_arrow(file, layer.inputs[k], (int)i);
    }
    fprintf(file, "</svg>\n");
    return DD_OK;
}

dd_status dd_model_diagram(const dd_model *model, const char *path) {
    dd__writer writer;
    DD_TRY(dd__writer_open(&writer, path));
    return dd__writer_close(&writer, draw(writer.stream, model));
}
