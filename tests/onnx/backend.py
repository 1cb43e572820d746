#!/usr/bin/env python3
"""backend.py PROGRAM [--device SEL] [--filter TEXT] [--verbose]: ONNX's own tests of its operators.

Each case of the `onnx` package's node tests for the operators below is written as a model, run with
`PROGRAM run` and compared with the outputs that come with it, to the case's own tolerances. A case is
skipped only for a reason that is named here; what the program refuses without one has failed.
Prints a line for each reason and each failure, and the counts. Exit status 1 when one failed.
"""
import argparse
import concurrent.futures
import os
import subprocess
import sys
import tempfile
import warnings

import numpy
import onnx

warnings.simplefilter("ignore")
from onnx.backend.test.case.node import collect_testcases  # noqa: E402

OPERATORS = set("""
Abs Add AveragePool BatchNormalization Cast Clip Concat Constant ConstantOfShape Conv ConvTranspose Div
Dropout Elu Erf Exp Expand Flatten Gather Gelu Gemm GlobalAveragePool GlobalMaxPool HardSigmoid HardSwish
Identity InstanceNormalization LRN LayerNormalization LeakyRelu Log LogSoftmax MatMul Max MaxPool Mean Min
Mul Neg PRelu Pad Pow ReduceMax ReduceMean ReduceMin ReduceSum Relu Reshape Resize Selu Shape Sigmoid Slice
Softmax Split Sqrt Squeeze Sub Sum Tanh Transpose Unsqueeze Upsample
Ceil Floor Reciprocal Softplus Softsign Range Size Where Equal
""".split())

# What a case's name has in it, and why such cases are not for this program.
REASONS = [
    (("_3d", "lcn_", "conv_with_autopad_same_3d"), "three spatial axes"),
    (("batchnorm_example_training", "batchnorm_epsilon_training", "training_dropout"),
     "training is not imported from ONNX"),
    (("maxpool_with_argmax", "dropout_default_mask"), "a second output: indices, or a mask"),
    (("cubic", "tf_crop_and_resize", "antialias", "not_larger", "not_smaller", "crop_and_resize"),
     "Resize: cubic, cropped, antialiased or keeping an aspect ratio"),
    (("_zero_size", "reshape_allowzero", "slice_start_out_of_bounds", "split_zero_size", "empty_set",
      "constantofshape_int_shape_zero", "split_1d_uneven_none"), "empty tensors"),
    (("identity_sequence", "identity_opt"), "sequences and optional values"),
    (("nllloss", "_sce_"), "losses"),
    (("resize_downsample_scales_linear_align_corners",),
     "align_corners to a fraction of a pixel: we do as onnxruntime and PyTorch, which round the extent"),
    (("range_float", "where_example"), "only of numbers that are known before"),
]
REAL = {numpy.dtype(numpy.float32), numpy.dtype(numpy.int64), numpy.dtype(numpy.int32),
        numpy.dtype(numpy.bool_), numpy.dtype(numpy.float64)}


def skip_reason(case):
    """Why the case is not run, or None."""
    operators = {node.op_type for node in case.model.graph.node}
    if operators - OPERATORS:
        return "other operators"
    if any(node.domain for node in case.model.graph.node):
        return "other domains"
    for part, reason in REASONS:
        if any(text in case.name for text in part):
            return reason
    for inputs, outputs in case.data_sets:
        values = list(inputs) + list(outputs)
        if not all(isinstance(value, (numpy.ndarray, numpy.generic)) for value in values):
            return "values that are not tensors"
        types = {numpy.asarray(value).dtype for value in values}
        if types - REAL:
            return "number types beside float, int and bool"
        if any(numpy.asarray(value).size == 0 for value in values):
            return "empty tensors"
        floats = [numpy.asarray(v).dtype.kind == "f" for v in outputs]
        if not all(floats) and any(numpy.asarray(v).dtype.kind == "f" for v in inputs):
            if operators & {"Cast", "Equal"}:
                return "whole numbers at run time"
        if max(numpy.asarray(value).ndim for value in values) > 6:
            return "more than six axes"
    return None


def raise_operator_set(model):
    """Cases are written in the oldest operator set that has their operator as it is now: where that is
    older than the oldest that the program reads, and the operator the same there, it is that one."""
    for opset in model.opset_import:
        if opset.version < 7 and all(
                onnx.defs.get_schema(node.op_type, 7).since_version <= opset.version
                for node in model.graph.node):
            opset.version = 7


def run(case, program, device, folder):
    """None, or what went wrong."""
    raise_operator_set(case.model)
    model = os.path.join(folder, "model.onnx")
    onnx.save(case.model, model)
    names = [value.name for value in case.model.graph.input]
    initialized = {tensor.name for tensor in case.model.graph.initializer}
    names = [name for name in names if name not in initialized]
    for inputs, outputs in case.data_sets:
        command = [program, "run", model, "--device", device, "--quiet"]
        for index, (name, value) in enumerate(zip(names, inputs)):
            path = os.path.join(folder, f"in{index}.npy")
            numpy.save(path, numpy.asarray(value))
            command += ["--input", f"{name}={path}"]
        for index, value in enumerate(case.model.graph.output):
            command += ["--output", f"{value.name}={folder}/out{index}.npy"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if done.returncode:
            return f"status {done.returncode}: {done.stderr.strip()}"
        for index, expected in enumerate(outputs):
            expected = numpy.asarray(expected)
            found = numpy.load(os.path.join(folder, f"out{index}.npy"))
            if found.shape != expected.shape:
                return f"output {index}: expected shape {expected.shape}, found {found.shape}"
            try:
                numpy.testing.assert_allclose(found, expected.astype(numpy.float64), rtol=case.rtol,
                                              atol=case.atol)
            except AssertionError as error:
                return " ".join(str(error).split())[:300]
    return None


def run_in_folder(case, arguments):
    with tempfile.TemporaryDirectory() as folder:
        try:
            return case.name, run(case, arguments.program, arguments.device, folder)
        except subprocess.TimeoutExpired:
            return case.name, "it did not end"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("--device", default="reference")
    parser.add_argument("--filter", default="")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    cases, skipped = [], {}
    for case in collect_testcases(None):
        if arguments.filter not in case.name:
            continue
        reason = skip_reason(case)
        if reason:
            skipped.setdefault(reason, []).append(case.name)
        else:
            cases.append(case)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda case: run_in_folder(case, arguments), cases))
    failures = [(name, why) for name, why in results if why]
    for reason, names in sorted(skipped.items()):
        print(f"skipped {len(names):4}  {reason}")
        if arguments.verbose:
            print("        " + " ".join(names))
    for name, why in failures:
        print(f"FAILED {name}: {why}")
    print(f"onnx {onnx.__version__}, operator set {onnx.defs.onnx_opset_version()}: "
          f"{len(results) - len(failures)} passed, {sum(map(len, skipped.values()))} skipped, "
          f"{len(failures)} failed")
    return 1 if failures or not results else 0


if __name__ == "__main__":
    sys.exit(main())
