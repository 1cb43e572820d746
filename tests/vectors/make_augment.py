"""Makes augment.safetensors, what Keras' own affine map gives for the parameters that we draw.

    python3 make_augment.py        needs keras (3.15 made the committed file; any back end), scipy
                                   (1.17), numpy, safetensors

The drawing is computed here once more, from src/base/random.h and the comment of src/ops/batch.c;
the image by Keras' apply_affine_transform, the function behind ImageDataGenerator, in float64.
Tensors: "gray/images", "colour/images" U8 (N, H, W, C); "<images>/<case>/ranges" F32 (5): rotation,
shear, width, height, zoom; ".../draw" I32 (3): epoch, seed low and high; ".../x" F32 (N, H, W, C):
image i as example number i.

Keras' axes. Up to keras-preprocessing 1.1.2 the matrix acts on (row, column), tx being the shift of
rows, drawn from height_shift_range: what the names say, and what we compute. Keras 3.15 takes the
matrix to be written for (x, y) and exchanges the two where the column axis is the later one, as
ImageDataGenerator has it: then height_shift_range moves columns, the same parameters turn and lean
the other way, and a shear is ours after a turn by itself (check_exchange). With one range for both
shifts and a square image that is the same family of images, but for the axis that a shear leaves
alone. row_axis=1, col_axis=0 keeps Keras 3.15 from exchanging.

The centre is h / 2 - 0.5, that of the pixels, as ours. It was h / 2 + 0.5, a pixel off, up to
keras-preprocessing 1.1.2. Keras 3.15 takes it along the wrong axis of images that are not square,
whichever way the axes are told; so those are framed to a square with their own edge, which is what
"nearest" continues anyway, and cut out again.
"""

import os

import numpy as np
from keras.src.legacy.preprocessing.image import apply_affine_transform
from safetensors.numpy import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
SEED = 0x5EED_0BAD_CAFE_F00D  # both words of the key matter

# ---- Drawing ----------------------------------------------------------------------------------


def philox(seed, stream, c0, c1):
    """Philox4x32-10 of counter (c0, c1, stream, 0) under key seed: four words."""
    counter, key = [c0, c1, stream, 0], [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        p0, p1 = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [
            (p1 >> 32) ^ counter[1] ^ key[0],
            p1 & 0xFFFFFFFF,
            (p0 >> 32) ^ counter[3] ^ key[1],
            p0 & 0xFFFFFFFF,
        ]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return counter


# The known answer of its authors' library, Random123 (kat_vectors): nothing but our own key and
# counter would show a slip here.
assert philox(0, 0, 0, 0) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]


def draw(ranges, image, epoch, height, width):
    """Keras' parameters for one image."""

    def uniform(word):
        return (word >> 8) * 2.0**-23 - 1

    first, second = philox(SEED, 5, image, epoch), philox(SEED, 6, image, epoch)
    return {
        "theta": uniform(first[0]) * ranges.get("rotation", 0),
        "shear": uniform(first[1]) * ranges.get("shear", 0),
        "tx": uniform(first[2]) * ranges.get("height", 0) * height,
        "ty": uniform(first[3]) * ranges.get("width", 0) * width,
        "zx": 1 + uniform(second[0]) * ranges.get("zoom", 0),
        "zy": 1 + uniform(second[1]) * ranges.get("zoom", 0),
    }


# ---- Keras ------------------------------------------------------------------------------------


def transform(image, parameters):
    """The image (H, W, C) as Keras maps it, its matrix acting on (row, column)."""
    height, width = image.shape[:2]
    side = max(height, width)
    assert (side - height) % 2 == 0 and (side - width) % 2 == 0
    above, left = (side - height) // 2, (side - width) // 2
    frame = ((above, above), (left, left), (0, 0))
    square = np.pad(image.astype(np.float64), frame, mode="edge")
    square = apply_affine_transform(
        square, row_axis=1, col_axis=0, channel_axis=2, fill_mode="nearest", order=1, **parameters
    )
    return square[above : above + height, left : left + width]


def check_exchange(image, p):
    """As ImageDataGenerator calls it, with parameters that give the same image."""

    def generator(**parameters):
        return apply_affine_transform(
            image.astype(np.float64), row_axis=0, col_axis=1, channel_axis=2, **parameters
        )

    # Without shear: all turned round.
    straight = dict(p, shear=0)
    other = generator(theta=-p["theta"], tx=p["ty"], ty=p["tx"], zx=p["zy"], zy=p["zx"])
    assert np.allclose(transform(image, straight), other, atol=1e-9)
    # Without shifts: a shear by s is ours after a turn by s.
    unmoved = dict(p, tx=0, ty=0)
    other = generator(theta=-p["theta"] - p["shear"], shear=p["shear"], zx=p["zy"], zy=p["zx"])
    assert np.allclose(transform(image, unmoved), other, atol=1e-9)


# ---- Images and cases ---------------------------------------------------------------------------


def pictures(count, height, width, channels):
    """A bright arc on a dim slope, and at the edges stripes that a wrong fill would not repeat."""
    r, c = np.mgrid[0:height, 0:width].astype(np.float64)
    images = np.zeros((count, height, width, channels))
    for i in range(count):
        for k in range(channels):
            middle = (height * (0.42 + 0.05 * i), width * (0.55 - 0.06 * k))
            radius = np.hypot((r - middle[0]) / height, (c - middle[1]) / width)
            angle = np.arctan2(r - middle[0], c - middle[1])
            arc = np.exp(-(((radius - 0.27) / 0.07) ** 2)) * (np.cos(angle + i + k) > -0.7)
            images[i, :, :, k] = 190 * arc + 30 * (r / height) + 25 * (c / width)
            images[i, 0, :, k] += 40 * (c[0] % 3)
            images[i, -1, :, k] += 35 * (c[0] % 4 == 1)
            images[i, :, 0, k] += 50 * (r[:, 0] % 2)
            images[i, :, -1, k] += 60 * (r[:, 0] % 5 == 2)
    return np.clip(np.rint(images), 0, 255).astype(np.uint8)


# The axes of Keras' (row, column) are those of the options' names.
probe = np.zeros((9, 9, 1))
probe[4, 4] = 1
still = {"theta": 0, "shear": 0, "tx": 0, "ty": 0, "zx": 1, "zy": 1}
assert transform(probe, dict(still, tx=2))[2, 4] == 1  # tx: output row r shows row r + tx
assert transform(probe, dict(still, ty=2))[4, 2] == 1

DIGITS = {"rotation": 10, "width": 0.1, "height": 0.1, "shear": 0.2, "zoom": 0.1}
LARGE = {"rotation": 180, "width": 0.5, "height": 0.3, "shear": 40, "zoom": 0.7}
CASES = [
    ("gray", "digits_1", DIGITS, 1),
    ("gray", "digits_50", DIGITS, 50),
    ("gray", "large", LARGE, 3),
    ("colour", "rotation", {"rotation": 30}, 1),
    ("colour", "width", {"width": 0.3}, 1),
    ("colour", "height", {"height": 0.3}, 2),
    ("colour", "shear", {"shear": 25}, 1),
    ("colour", "zoom", {"zoom": 0.4}, 4),
    ("colour", "digits", DIGITS, 1),
    ("colour", "large", LARGE, 2),
]
images = {"gray": pictures(2, 28, 28, 1), "colour": pictures(3, 9, 13, 3)}
tensors = {f"{name}/images": array for name, array in images.items()}
for name, case, ranges, epoch in CASES:
    stack = []
    for i, image in enumerate(images[name]):
        parameters = draw(ranges, i, epoch, *image.shape[:2])
        stack.append(transform(image, parameters))
        if name == "gray":
            check_exchange(image, parameters)
    order = ("rotation", "shear", "width", "height", "zoom")
    tensors[f"{name}/{case}/ranges"] = np.array([ranges.get(k, 0) for k in order], np.float32)
    draws = np.array([epoch, SEED & 0xFFFFFFFF, SEED >> 32], np.uint32)
    tensors[f"{name}/{case}/draw"] = draws.view(np.int32)
    tensors[f"{name}/{case}/x"] = np.ascontiguousarray(np.stack(stack), np.float32)

save_file(tensors, os.path.join(HERE, "augment.safetensors"))
