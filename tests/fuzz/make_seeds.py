#!/usr/bin/env python3
"""make_seeds.py FOLDER: small valid files to begin with, FOLDER/READER/*, for scripts/fuzz.

Those of ONNX are its own tests of the operators that tests/onnx/backend.py names, and need the package
`onnx`; without it, or without Pillow, fuzzing begins with what is in tests/fuzz/corpus.
"""
import gzip
import io
import json
import pathlib
import struct
import sys

folder = pathlib.Path(sys.argv[1])
here = pathlib.Path(__file__).resolve().parent
LARGEST = 8192  # bytes of a seed


def write(reader, name, data):
    (folder / reader).mkdir(parents=True, exist_ok=True)
    if len(data) <= LARGEST:
        (folder / reader / name).write_bytes(data)


def networks():
    for path in (here.parent.parent / "models").glob("*.json"):
        write("network", path.name, path.read_bytes())
        write("network", "short-" + path.name, json.dumps(json.loads(path.read_text())).encode())
    tiny = {"deepdigits": "network 1", "name": "t", "input": {"height": 4, "width": 4, "channels": 1},
            "layers": [{"op": "conv2d", "name": "c", "filters": 2, "kernel": 3}, {"op": "batch_norm", "name": "n"},
                       {"op": "flatten"}, {"op": "dense", "name": "d", "units": 2}, {"op": "softmax"}]}
    write("network", "tiny", json.dumps(tiny).encode())
    shapes = {"c.weight": [3, 3, 1, 2], "c.bias": [2], "n.gamma": [2], "n.beta": [2], "d.weight": [8, 2],
              "d.bias": [2], "n.mean": [2], "n.variance": [2]}
    header = {"__metadata__": {"deepdigits": "model 1", "network": json.dumps(tiny), "version": "0.1.0"}}
    data = b""
    for name, shape in shapes.items():
        count = 1
        for extent in shape:
            count *= extent
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + 4 * count]}
        data += struct.pack("<%df" % count, *range(count))
    text = json.dumps(header).encode()
    write("safetensors", "tiny", struct.pack("<Q", len(text)) + text + data)
    other = json.dumps({"x": {"dtype": "F16", "shape": [0, 2], "data_offsets": [0, 0]}}).encode()
    write("safetensors", "other", struct.pack("<Q", len(other)) + other)


def images():
    try:
        from PIL import Image
    except ImportError:
        return
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"):
        image = Image.new(mode, (9, 7))
        if mode == "I;16":
            image.frombytes(bytes(range(126)))
        else:
            base = Image.frombytes("RGB", (9, 7), bytes(i * 29 % 256 for i in range(189)))
            image = base.convert("L").convert("LA") if mode == "LA" else base.convert(mode)
        for kind, options in (("PNG", {}), ("JPEG", {}), ("JPEG", {"progressive": True}), ("BMP", {}), ("GIF", {}),
                              ("TGA", {}), ("TGA", {"compression": "tga_rle"}), ("PPM", {})):
            out = io.BytesIO()
            try:
                if kind == "JPEG":
                    exif = Image.Exif()
                    exif[0x0112] = 6
                    options = dict(options, exif=exif, quality=30)
                image.save(out, kind, **options)
            except (OSError, ValueError, KeyError):
                continue
            write("image", "%s-%s-%d" % (kind, mode.replace(";", ""), len(options)), out.getvalue())
    write("image", "psd", b"8BPS\0\1" + bytes(6) + b"\0\3\0\0\0\2\0\0\0\2\0\x08\0\3" + bytes(14) + b"abcdefghijkl")
    write("image", "psd-packed", b"8BPS\0\1" + bytes(6) + b"\0\3\0\0\0\2\0\0\0\2\0\x08\0\3" + bytes(12) + b"\0\1" +
          b"\0\2" * 6 + b"\xffa" * 6)
    write("image", "pgm", b"P2\n# grey\n2 2\n255\n1 2 3 4\n")
    write("image", "ppm", b"P3 2 2 100 1 2 3 4 5 6 7 8 9 10 11 100")


def arrays():
    for version, descr, count in ((1, "<f4", 4), (1, "|u1", 1), (2, "<i8", 8), (3, "<f2", 2)):
        text = ("{'descr': '%s', 'fortran_order': False, 'shape': (2, 3), }\n" % descr).encode()
        length = struct.pack("<H" if version == 1 else "<I", len(text))
        write("npy", descr[1:], b"\x93NUMPY" + bytes([version, 0]) + length + text + bytes(range(6 * count)))


def datasets():
    images = struct.pack(">IIII", 0x803, 2, 3, 3) + bytes(range(18))
    write("dataset", "idx", images)
    write("dataset", "idx.gz", gzip.compress(images))
    row = ",".join(str(i % 256) for i in range(784))
    write("dataset", "csv", ("7," + row + "\n").encode())


def models():
    try:
        import onnx
        from onnx.backend.test.case.node import collect_testcases
    except ImportError:
        return
    import re
    text = (here.parent.parent / "src/model/onnx/operators.def").read_text()
    operators = set(re.findall(r'DD_ONNX\("(\w+)"', text))
    for case in collect_testcases(None):
        model = case.model
        if {node.op_type for node in model.graph.node} - operators or case.name.endswith("_expanded"):
            continue
        write("onnx", case.name, model.SerializeToString())
        given = [v.name for v in model.graph.input]
        for inputs, _ in case.data_sets: # the same with its inputs known
            initializers = [onnx.numpy_helper.from_array(value, name) for name, value in zip(given, inputs)
                            if hasattr(value, "dtype")]
            for first in (0, 1):
                known = onnx.ModelProto()
                known.CopyFrom(model)
                known.graph.initializer.extend(initializers[first:])
                write("onnx", "%s_known_from_%d" % (case.name, first), known.SerializeToString())


for make in (networks, images, arrays, datasets, models):
    make()
