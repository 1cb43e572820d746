/* diagram.h: a network as a picture. */
#ifndef DD_REPORT_DIAGRAM_H
#define DD_REPORT_DIAGRAM_H

#include <stdio.h>

#include "model/model.h"

/* Writes the <svg> element of dd_model_diagram. */
dd_status dd__diagram_draw(FILE *file, const dd_model *model);

#endif
