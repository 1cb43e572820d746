#include "data/skeletons.h"

#include "base/status.h"

#define LINES(n, ...)                           \
    {                                           \
        DD__STROKE_STRAIGHT, n, { __VA_ARGS__ } \
    }
#define CURVE(n, ...)                         \
    {                                         \
        DD__STROKE_CURVED, n, { __VA_ARGS__ } \
    }
#define CLOSED(n, ...)                        \
    {                                         \
        DD__STROKE_CLOSED, n, { __VA_ARGS__ } \
    }

/* clang-format off */
static const dd__skeleton zeros[] = {
    {1, {CLOSED(8, {50, 2}, {22, 14}, {10, 50}, {22, 86}, {50, 98}, {78, 86}, {90, 50}, {78, 14})}},
    {1, {CURVE(10, {58, 4}, {25, 12}, {10, 48}, {20, 85}, {48, 98}, {78, 84}, {90, 48}, {78, 14}, {55, 3}, {40, 10})}},
};
static const dd__skeleton ones[] = {
    {1, {LINES(2, {50, 2}, {50, 98})}},
    {1, {LINES(3, {32, 24}, {54, 3}, {54, 98})}},
    {2, {LINES(3, {30, 22}, {52, 3}, {52, 96}), LINES(2, {28, 96}, {76, 96})}},
};
static const dd__skeleton twos[] = {
    {2, {CURVE(7, {14, 28}, {26, 8}, {55, 3}, {78, 20}, {70, 48}, {42, 75}, {12, 96}), LINES(2, {12, 96}, {90, 94})}},
    {1, {CURVE(11, {16, 24}, {40, 4}, {72, 14}, {72, 42}, {48, 70}, {22, 92}, {10, 84}, {22, 72}, {45, 84}, {68, 95}, {92, 86})}},
};
static const dd__skeleton threes[] = {
    {2, {CURVE(5, {15, 14}, {44, 3}, {74, 18}, {66, 40}, {36, 47}), CURVE(6, {36, 47}, {68, 53}, {84, 74}, {68, 93}, {40, 97}, {10, 86})}},
    {2, {LINES(3, {16, 5}, {78, 5}, {44, 42}), CURVE(5, {44, 42}, {76, 50}, {84, 76}, {54, 97}, {12, 86})}},
};
static const dd__skeleton fours[] = {
    {2, {LINES(3, {30, 4}, {12, 54}, {90, 54}), LINES(2, {70, 22}, {66, 97})}},
    {1, {LINES(4, {66, 97}, {66, 3}, {8, 66}, {92, 66})}},
    {2, {CURVE(5, {22, 4}, {16, 40}, {36, 54}, {62, 46}, {76, 30}), LINES(2, {80, 4}, {70, 97})}},
};
static const dd__skeleton fives[] = {
    {2, {LINES(3, {82, 5}, {28, 5}, {22, 44}), CURVE(6, {22, 44}, {52, 36}, {84, 56}, {78, 84}, {46, 98}, {12, 88})}},
    {3, {LINES(2, {26, 6}, {24, 44}), CURVE(6, {24, 44}, {54, 38}, {82, 58}, {76, 86}, {44, 97}, {12, 86}), LINES(2, {28, 6}, {88, 3})}},
};
static const dd__skeleton sixes[] = {
    {1, {CURVE(10, {70, 3}, {38, 20}, {18, 52}, {20, 84}, {46, 98}, {76, 88}, {82, 66}, {62, 52}, {36, 58}, {20, 76})}},
    {1, {CURVE(9, {40, 2}, {22, 34}, {14, 70}, {30, 95}, {60, 96}, {78, 78}, {68, 58}, {44, 56}, {18, 74})}},
};
static const dd__skeleton sevens[] = {
    {1, {LINES(3, {10, 8}, {86, 6}, {42, 98})}},
    {2, {LINES(3, {10, 8}, {86, 6}, {40, 98}), LINES(2, {30, 52}, {82, 50})}},
    {1, {CURVE(6, {10, 16}, {36, 7}, {78, 8}, {72, 34}, {52, 66}, {42, 98})}},
};
static const dd__skeleton eights[] = {
    {1, {CLOSED(10, {50, 3}, {22, 18}, {32, 40}, {70, 60}, {80, 82}, {50, 98}, {20, 82}, {30, 60}, {68, 40}, {78, 18})}},
    {2, {CLOSED(6, {50, 3}, {24, 14}, {28, 38}, {50, 47}, {72, 38}, {76, 14}), CLOSED(6, {50, 47}, {22, 60}, {18, 84}, {50, 98}, {82, 84}, {78, 60})}},
};
static const dd__skeleton nines[] = {
    {2, {CLOSED(6, {76, 14}, {46, 3}, {20, 18}, {20, 42}, {48, 52}, {76, 36}), LINES(3, {77, 12}, {75, 40}, {66, 98})}},
    {1, {CURVE(11, {78, 22}, {56, 4}, {26, 12}, {18, 36}, {40, 50}, {66, 42}, {79, 16}, {80, 50}, {72, 84}, {50, 97}, {24, 88})}},
};
/* clang-format on */

const dd__skeleton *const dd__skeletons[10] = {zeros, ones,  twos,   threes, fours,
                                               fives, sixes, sevens, eights, nines};
const unsigned dd__skeleton_counts[10] = {
    DD_COUNT(zeros), DD_COUNT(ones),  DD_COUNT(twos),   DD_COUNT(threes), DD_COUNT(fours),
    DD_COUNT(fives), DD_COUNT(sixes), DD_COUNT(sevens), DD_COUNT(eights), DD_COUNT(nines)};
