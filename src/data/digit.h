/* digit.h: pictures of digits as MNIST has them, and others. */
#ifndef DD_DATA_DIGIT_H
#define DD_DATA_DIGIT_H

#include "data/dataset.h"
#include "data/image.h"

/* Whether a picture is like MNIST's, as far as one can tell without reading it: bright on black, fitted into
 * 20/28 of its height and width, with the centre of mass in its middle. So are all of MNIST's 70,000. */
bool dd__is_mnist_digit(const uint8_t *pixels, unsigned height, unsigned width);
/* Whether 19 of 20 of the dataset's are, which has one channel. */
bool dd__is_of_mnist_digits(const dd_dataset *dataset);

#endif
