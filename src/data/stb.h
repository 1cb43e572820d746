/* stb.h: the settings under which stb's headers are compiled, in stb.c and nowhere else. */
#ifndef DD_DATA_STB_H
#define DD_DATA_STB_H

#include <stddef.h>

#define STBI_NO_HDR
#define STBI_NO_LINEAR
#define STBI_NO_PIC
#define STBI_NO_PNM /* see pnm.c */
#include <stb_image.h>
#include <stb_image_resize.h>
#include <stb_image_write.h>

/* No allocation of stb_image on this thread may be larger than this from now on, whatever a file
 * claims or unpacks to. */
void dd__stb_limit(size_t bytes);
/* Why an allocation failed since then; stb_image's own reasons do not always say so. */
typedef enum dd__stb_shortage {
    DD__STB_NONE,
    DD__STB_OVER_LIMIT,
    DD__STB_NO_MEMORY
} dd__stb_shortage;
dd__stb_shortage dd__stb_short_of(void);

#endif
