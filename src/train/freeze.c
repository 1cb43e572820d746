#include "train/freeze.h"

#include <stdio.h>
#include <string.h>

static const char all_but_head[] = "all-but-head", until[] = "until:";

/* ---- The list ----------------------------------------------------------------------------- */

/* One of the parts between commas: from..end. */
typedef struct part {
    const char *from, *end;
} part;

static part first_part(const char *text) { return (part){text, text + strcspn(text, ",")}; }
static bool next_part(part *p) {
    if (!*p->end) return false;
    *p = first_part(p->end + 1);
    return true;
}

static bool is_word(const part *p, const char *word) {
    size_t length = (size_t)(p->end - p->from);
    return strlen(word) == length && strncmp(p->from, word, length) == 0;
}

static bool starts_with(const part *p, const char *prefix) {
    return strncmp(p->from, prefix, strlen(prefix)) == 0;
}

/* Whether the part is the name, where each '*' stands for any characters. Behind a character that does
 * not fit, the last '*' takes one more. */
static bool matches(const part *p, const char *name) {
    const char *at = p->from, *star = NULL, *taken = NULL;
    while (*name) {
        if (at < p->end && *at == '*') {
            star = at++;
            taken = name;
        } else if (at < p->end && *at == *name) {
            at++;
            name++;
        } else if (star) {
            at = star + 1;
            name = ++taken;
        } else {
            return false;
        }
    }
    while (at < p->end && *at == '*') at++;
    return at == p->end;
}

dd_status dd__freeze_check(const char *text) {
    if (!text || !*text) return DD_OK;
    part p = first_part(text);
    do {
        if (p.from == p.end || is_word(&p, until))
            return dd__fail(DD_USAGE,
                            "freeze: expected %s, %sLAYER or layers' names, * for any characters, "
                            "separated by commas, found \"%s\"",
                            all_but_head, until, text);
    } while (next_part(&p));
    return DD_OK;
}

/* ---- Layers ------------------------------------------------------------------------------- */

/* The last layer with parameters before layer `end`; -1: there is none. */
static int last_with_parameters(const dd_model *model, size_t end) {
    int i = (int)end - 1;
    while (i >= 0 && model->layers[i].parameters == 0) i--;
    return i;
}

/* How many layers from the first on `p` freezes together; 0: it is no such part, or there are none. */
static size_t count_together(const dd_model *model, const part *p) {
    if (is_word(p, all_but_head)) {
        int head = last_with_parameters(model, model->layer_count);
        return head < 0 ? 0 : (size_t)(last_with_parameters(model, (size_t)head) + 1);
    }
    if (!starts_with(p, until)) return 0;
    const part name = {p->from + strlen(until), p->end};
    for (size_t i = 0; i < model->layer_count; i++)
        if (is_word(&name, model->layers[i].name)) return i + 1;
    return 0;
}

static bool freeze_part(const dd_model *model, const part *p, bool *frozen) {
    bool any = false;
    size_t together = count_together(model, p);
    for (size_t i = 0; i < model->layer_count; i++) {
        bool meant = i < together || matches(p, model->layers[i].name);
        frozen[i] |= meant;
        any |= meant;
    }
    return any;
}

/* "conv1, norm1, logits": all layers with parameters, as far as there is room. */
static void list_layers(const dd_model *model, char *out, size_t size) {
    size_t used = 0;
    out[0] = 0;
    for (size_t i = 0; i < model->layer_count && used < size; i++)
        if (model->layers[i].parameters)
            used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "",
                                     model->layers[i].name);
}

static dd_status freeze_parts(const dd_model *model, const char *text, bool *frozen) {
    char known[4096];
    list_layers(model, known, sizeof known);
    part p = first_part(text);
    do {
        if (!freeze_part(model, &p, frozen))
            return dd__fail(
                DD_USAGE,
                "freeze: \"%.*s\" means no layer of network \"%s\"; those with parameters "
                "are %s",
                (int)(p.end - p.from), p.from, model->name, known);
    } while (next_part(&p));
    for (size_t i = 0; i < model->layer_count; i++)
        if (model->layers[i].parameters && !frozen[i]) return DD_OK;
    return dd__fail(DD_USAGE,
                    "freeze: \"%s\" leaves nothing of network \"%s\" to train; its layers with "
                    "parameters are %s",
                    text, model->name, known);
}

dd_status dd__freeze_layers(const dd_model *model, const char *text, bool **out) {
    *out = NULL;
    DD_TRY(dd__freeze_check(text));
    if (!text || !*text) return DD_OK;
    bool *frozen = dd__alloc(model->layer_count, sizeof *frozen);
    if (!frozen) return dd__no_memory(model->layer_count);
    dd_status status = freeze_parts(model, text, frozen);
    if (status == DD_OK)
        *out = frozen;
    else
        dd__free(frozen);
    return status;
}
