/* Views of images. Whole pixels are moved, not mixed: tolerance 0. */
#include "check/check.h"

#define OPEN(...) __VA_ARGS__ /* OPEN (1, 2) is 1, 2 */
#define MOVED(title, in_quick, pixels, ...)                                              \
    {                                                                                    \
        .op = "views", .name = title, .attributes = &(const dd__views){.shift = pixels}, \
        .in = {DD__IN(NORMAL, __VA_ARGS__)}, .quick = in_quick                           \
    }
#define SEEN(title, in_quick, x, ...)                                                            \
    {                                                                                            \
        .op = "views", .name = title, .attributes = &(const dd__views){__VA_ARGS__},             \
        .in = {DD__IN(NORMAL, OPEN x)}, .tolerance = 5e-5,                                       \
        .why = "places of up to 65 in float, times differences of neighbours", .quick = in_quick \
    }

const dd__case dd__cases_views[] = {
    MOVED("moved", true, 1, 3, 7, 5, 1),
    MOVED("moved_channels_8", false, 2, 2, 6, 9, 8),
    MOVED("moved_outside", false, 40, 1, 31, 33, 3),
    MOVED("moved_one_pixel", false, 1, 2, 1, 1, 4),
    SEEN("moved_by_a_fraction", false, (2, 7, 9, 3), .shift = 0.3f),
    SEEN("turned", true, (2, 7, 9, 1), .rotation = 12),
    SEEN("turned_over", false, (1, 8, 8, 20), .rotation = 180),
    SEEN("zoomed", true, (2, 8, 5, 1), .zoom = 0.1f),
    SEEN("zoomed_far", false, (2, 65, 33, 3), .zoom = 0.9f),
    SEEN("moved_and_zoomed", false, (3, 9, 9, 4), .shift = 1, .zoom = 0.06f),
    SEEN("turned_and_zoomed", false, (1, 9, 7, 16), .rotation = 45, .zoom = 0.25f),
    SEEN("all", true, (3, 28, 28, 1), .shift = 1, .rotation = 6, .zoom = 0.06f),
    SEEN("all_of_many", false, (65, 31, 32, 1), .shift = 1, .rotation = 6, .zoom = 0.06f),
    {0},
};
