/* dd_model_diagram: a network as a picture, in a file or inside a page. Layers stand one below the
 * other in the order of the file, which is an order of computing; an input that is not the layer
 * above comes around on the right.
 */
#include "report/diagram.h"

#include "base/file.h"
#include "report/markup.h"

enum { LEFT = 20, WIDTH = 620, HEIGHT = 56, PITCH = 84, BEND = 26, MARGIN = 20 };

/* Inside a page, rules of a picture hold for all of the page: hence the class before each. */
static const char style[] =
    "<style>\n"
    "  .network text { font: 13px system-ui, sans-serif; fill: #1c2733 }\n"
    "  .network .small { font-size: 11.5px; fill: #5b6875 }\n"
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
    dd__print_escaped(file, info->name);
    fprintf(file, ": %llu parameters, %.2f MFLOP</text>\n", (unsigned long long)info->parameters,
            info->mflop);
}

static void draw_layer(FILE *file, int index, const dd_layer_info *layer) {
    draw_box(file, index, layer->parameters > 0);
    begin_text(file, index, 0, false);
    dd__print_escaped(file, layer->name);
    fprintf(file, "</text>\n");
    begin_text(file, index, 0, true);
    for (unsigned i = 0; i < layer->rank; i++) fprintf(file, i ? " x %u" : "%u", layer->output[i]);
    fprintf(file, "</text>\n");
    begin_text(file, index, 1, false);
    dd__print_escaped(file, layer->op);
    if (*layer->settings) fprintf(file, ": ");
    dd__print_escaped(file, layer->settings);
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

dd_status dd__diagram_draw(FILE *file, const dd_model *model) {
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
            "<svg class=\"network\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
            "width=\"%d\" "
            "height=\"%d\" role=\"img\">\n<title>",
            width, height, width, height);
    dd__print_escaped(file, info.name);
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
    return dd__writer_close(&writer, dd__diagram_draw(writer.stream, model));
}
