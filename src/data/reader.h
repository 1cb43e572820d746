/* reader.h: the bytes of a file from front to back, unpacked on the way when it is gzip (RFC 1952).
 *
 * Which of the two it is says the content: gzip begins with 1f 8b. Several members one after the
 * other are one stream, as gzip itself has it. Memory is bounded whatever the file claims. */
#ifndef DD_DATA_READER_H
#define DD_DATA_READER_H

#include "base/status.h"

typedef struct dd__reader dd__reader;

/* `path` must live as long as the reader. DD_IO, DD_MEMORY. */
dd_status dd__reader_open(const char *path, dd__reader **reader);
/* Puts up to `size` bytes into out; *got is smaller only at the end.
 * DD_FORMAT  damaged gzip, with the reason and the place;  DD_IO */
dd_status dd__reader_read(dd__reader *reader, void *out, size_t size, size_t *got);
/* Reads on and drops what it reads, at most 1 MiB; *more is how much there was. Reaching the end
 * also checks the gzip checksum. */
enum { DD__READER_REST = 1 << 20 };
dd_status dd__reader_rest(dd__reader *reader, size_t *more);
/* NULL is fine. */
void dd__reader_close(dd__reader *reader);

#endif
