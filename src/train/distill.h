/* distill.h: training by the answers of a teacher, a model that has been trained already (Hinton, Vinyals,
 * Dean, "Distilling the knowledge in a neural network", 2015). The teacher sees each image as it was augmented for
 * the network that learns (Beyer and others, "Knowledge distillation: a good teacher is patient and consistent",
 * 2022). With z the network's logits, an example's loss is
 *
 *     (1 - share) CE(label, softmax(z)) + share T^2 KL(q, softmax(z / T)),   q = softmax(teacher's logits / T)
 *
 * where T^2 keeps the gradients of both parts of one size at any temperature T. The divergence KL(q, p), the sum
 * of q (log q - log p), has the gradients of their cross entropy and is 0 where the network answers as the teacher.
 */
#ifndef DD_TRAIN_DISTILL_H
#define DD_TRAIN_DISTILL_H

#include "graph/graph.h"
#include "model/model.h"

typedef struct dd__distill {
    float share; /* of the teacher's answers in the loss; 0: there is no teacher */
    float temperature;
} dd__distill;

/* Reads "share=0.9,temperature=2"; NULL: what these are without. DD_USAGE */
dd_status dd__distill_parse(const char *text, dd__distill *distill);
void dd__distill_print(const dd__distill *distill, char *out, size_t size);

/* A trained model that may teach `model`: *teacher belongs to the caller.
 * DD_USAGE  it has no weights
 * DD_SHAPE  the two are not alike */
dd_status dd__teacher_load(const char *path, const dd_model *model, dd_model **teacher);

/* The teacher's part: from its logits (N, classes) the output "targets", log q. */
dd_status dd__distill_targets(dd__graph *graph, const dd__distill *distill, dd__value *logits);
/* The other: makes of *loss (N), that of the labels, the loss above. Adds the state "targets". */
dd_status dd__distill_loss(dd__graph *graph, const dd__distill *distill, dd__value *logits,
                           dd__value **loss);

#endif
