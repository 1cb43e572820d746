#include "graph/views.h"

dd__view_order dd__views_order(const dd__views *a) {
    uint32_t turned = a->shift > 0 ? 5 : 1;
    uint32_t zoomed = a->rotation > 0 ? turned + 2 : turned;
    return (dd__view_order){turned, zoomed, a->zoom > 0 ? zoomed + 2 : zoomed};
}

/* They come in pairs, of which the first has an odd number. */
dd__view dd__views_at(const dd__views *a, uint32_t number) {
    const double degree = 0.017453292519943295;
    dd__view_order order = dd__views_order(a);
    double sign = number % 2 ? 1 : -1, angle = sign * (double)a->rotation * degree;
    dd__view view = {.keep = 1};
    if (number == 0) return view;
    if (number >= order.zoomed) {
        view.keep = 1 / (1 + sign * (double)a->zoom);
    } else if (number >= order.turned) {
        view.keep = cos(angle);
        view.turn = sin(angle);
    } else {
        *(number <= 2 ? &view.down : &view.right) = -sign * (double)a->shift;
    }
    return view;
}
