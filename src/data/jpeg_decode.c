/* jpeg_decode.c: libjpeg, of which libjpeg-turbo (Debian's) is some three times as fast as stb_image, and decodes
 * to a half, quarter or eighth in a fraction of the time. It ends by error_exit, which must not return. */
#include "data/jpeg.h"

#include <setjmp.h>
#include <stdio.h>

#include "base/memory.h"

#ifdef DD_WITH_JPEG
#include <jerror.h>
#include <jpeglib.h>

typedef struct decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf failed;
    dd__image *image;
    dd_status status;
    char reason[JMSG_LENGTH_MAX];
} decoder;

static void fail(j_common_ptr jpeg) {
    decoder *d = jpeg->client_data;
    d->status = jpeg->err->msg_code == JERR_OUT_OF_MEMORY ? DD_MEMORY : DD_FORMAT;
    jpeg->err->format_message(jpeg, d->reason);
    longjmp(d->failed, 1);
}

/* libjpeg fills what is missing with grey and only warns: that is no picture to classify. */
static void warn(j_common_ptr jpeg, int level) {
    int code = jpeg->err->msg_code;
    bool harmless = code == JWRN_EXTRANEOUS_DATA || code == JWRN_ADOBE_XFORM ||
                    code == JWRN_JFIF_MAJOR || code == JWRN_BOGUS_PROGRESSION;
    if (level < 0 && !harmless) fail(jpeg);
}

/* Each scan of a progressive file may pass all of the picture for a few bytes. */
static void check_scans(j_common_ptr jpeg) {
    enum { SCANS = 200 };
    decoder *d = jpeg->client_data;
    if (d->jpeg.input_scan_number <= SCANS) return;
    d->status = DD_FORMAT;
    snprintf(d->reason, sizeof d->reason, "more than %d scans", SCANS);
    longjmp(d->failed, 1);
}

/* Halves the sides while both stay as large as `least`. */
static void choose_scale(struct jpeg_decompress_struct *jpeg, unsigned least) {
    enum { LARGEST = 8 };
    unsigned shorter =
        jpeg->image_width < jpeg->image_height ? jpeg->image_width : jpeg->image_height;
    jpeg->scale_num = jpeg->scale_denom = 1;
    while (least && jpeg->scale_denom < LARGEST && shorter / (jpeg->scale_denom * 2) >= least)
        jpeg->scale_denom *= 2;
}

static dd_status decode(decoder *d, const uint8_t *bytes, size_t size, unsigned channels,
                        unsigned least) {
    struct jpeg_decompress_struct *jpeg = &d->jpeg;
    if (setjmp(d->failed)) return d->status;
    jpeg_create_decompress(jpeg);
    d->progress.progress_monitor = check_scans;
    jpeg->progress = &d->progress;
    jpeg_mem_src(jpeg, bytes, (unsigned long)size);
    jpeg_read_header(jpeg, TRUE);
    choose_scale(jpeg, least);
    jpeg->out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(jpeg);
    d->image->width = jpeg->output_width;
    d->image->height = jpeg->output_height;
    d->image->channels = channels;
    size_t row = (size_t)jpeg->output_width * channels;
    d->image->pixels = dd__alloc(jpeg->output_height, row);
    if (!d->image->pixels) return DD_MEMORY;
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW to = d->image->pixels + jpeg->output_scanline * row;
        jpeg_read_scanlines(jpeg, &to, 1);
    }
    jpeg_finish_decompress(jpeg);
    return DD_OK;
}

dd_status dd__jpeg_decode(const uint8_t *bytes, size_t size, unsigned channels, unsigned least,
                          dd__image *image) {
    decoder *d = dd__alloc(1, sizeof *d);
    if (!d) return dd__no_memory(sizeof *d);
    d->image = image;
    d->jpeg.client_data = d;
    d->jpeg.err = jpeg_std_error(&d->errors);
    d->errors.error_exit = fail;
    d->errors.emit_message = warn;
    dd_status status = decode(d, bytes, size, channels, least);
    if (status != DD_OK) dd__image_clear(image);
    if (status == DD_FORMAT) dd__fail(DD_FORMAT, "JPEG: %s", d->reason);
    if (status == DD_MEMORY) dd__fail(DD_MEMORY, "not enough memory to decode the image");
    jpeg_destroy_decompress(&d->jpeg);
    dd__free(d);
    return status;
}

#else
dd_status dd__jpeg_decode(const uint8_t *bytes, size_t size, unsigned channels, unsigned least,
                          dd__image *image) {
    (void)bytes, (void)size, (void)channels, (void)least, (void)image;
    return dd__fail(DD_USAGE, "this library was built without libjpeg");
}
#endif
