"""Makes ops.safetensors and seed_step.safetensors, the third oracle of the tests, with PyTorch.

    python3 make_vectors.py        needs torch (2.9 made the committed files), numpy, safetensors

Everything is computed in float64 on the CPU from float32 data, so that what is stored is right to
the last bit or so. Layouts are deepdigits': images NHWC, convolution weights (KH, KW, CI/groups,
CO), dense weights (IN, OUT). Tensors are named "<case>/<tensor>"; the tests hold the attributes.
"""

import math
import os

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
generator = torch.Generator().manual_seed(20240229)
tensors = {}


def data(*dims, scale=1.0, shift=0.0):
    """Normal numbers that float32 holds exactly."""
    x = torch.randn(*dims, generator=generator, dtype=torch.float32) * scale + shift
    return x.double().requires_grad_(True)


def keep(case, **named):
    for name, value in named.items():
        array = value.detach().numpy()
        kind = np.int32 if array.dtype.kind == "i" else np.float32
        tensors[f"{case}/{name}"] = np.ascontiguousarray(array.astype(kind))


def keep_gradients(case, y, **inputs):
    """Keeps inputs, y, a random dy and what it gives for each input."""
    dy = torch.randn(*y.shape, generator=generator).double()
    gradients = torch.autograd.grad(y, list(inputs.values()), dy)
    keep(case, y=y, dy=dy, **inputs)
    keep(case, **{"d" + name: g for name, g in zip(inputs, gradients)})


def nchw(x):
    return x.permute(0, 3, 1, 2)


def nhwc(x):
    return x.permute(0, 2, 3, 1)


# ---- Convolution ------------------------------------------------------------------------------


def convolution(case, x_dims, kernel, filters, relu=False, **how):
    channels = x_dims[3] // how.get("groups", 1)
    x, b = data(*x_dims), data(filters)
    w = data(*kernel, channels, filters, scale=1 / math.sqrt(channels * kernel[0] * kernel[1]))
    y = nhwc(F.conv2d(nchw(x), w.permute(3, 2, 0, 1), b, **how))
    keep_gradients(case, F.relu(y) if relu else y, x=x, w=w, b=b)


convolution("conv2d_plain", (2, 7, 6, 3), (3, 3), 5)
convolution("conv2d_relu", (1, 9, 9, 1), (5, 5), 4, relu=True)
convolution("conv2d_stride", (2, 9, 8, 4), (5, 3), 6, stride=(2, 3), padding=(2, 1))
convolution("conv2d_dilation", (1, 10, 11, 3), (3, 3), 4, dilation=2, padding=2)
convolution("conv2d_groups", (2, 6, 6, 4), (3, 3), 6, groups=2, padding=1)
convolution("conv2d_depthwise", (1, 8, 8, 5), (3, 3), 5, groups=5, stride=2, padding=1)
convolution("conv2d_pointwise", (2, 5, 5, 8), (1, 1), 9)

# ---- Pools ------------------------------------------------------------------------------------

x = data(2, 7, 9, 3)
keep_gradients("max_pool_2", nhwc(F.max_pool2d(nchw(x), 2)), x=x)
x = data(2, 7, 8, 3)
keep_gradients("max_pool_3_stride_2", nhwc(F.max_pool2d(nchw(x), 3, 2, 1)), x=x)
x = data(2, 8, 6, 3)
keep_gradients("average_pool_2", nhwc(F.avg_pool2d(nchw(x), 2)), x=x)
x = data(2, 7, 7, 3)
keep_gradients("average_pool_inside", nhwc(F.avg_pool2d(nchw(x), 3, 2, 1, count_include_pad=False)), x=x)
x = data(2, 7, 7, 3)
keep_gradients("average_pool_whole", nhwc(F.avg_pool2d(nchw(x), 3, 2, 1)), x=x)

# ---- Batch norm: Keras' momentum (0.9 keeps 0.9 of the old) and its biased running variance ------

x, gamma, beta = data(3, 5, 4, 6, scale=2, shift=1), data(6, shift=1), data(6)
mean = data(6).detach()
variance = (data(6).detach().abs() + 0.5).float().double()
keep("batch_norm", x=x, gamma=gamma, beta=beta, mean=mean, variance=variance)
keep("batch_norm", y=nhwc(F.batch_norm(nchw(x), mean, variance, gamma, beta, False, 0.0, 1e-3)))
y = nhwc(F.batch_norm(nchw(x), None, None, gamma, beta, True, 0.0, 1e-3))
keep_gradients("batch_norm_training", y, x=x, gamma=gamma, beta=beta)
flat = x.detach().reshape(-1, 6)
keep("batch_norm_training", mean=mean, variance=variance)
keep(
    "batch_norm_training",
    new_mean=0.9 * mean + 0.1 * flat.mean(0),
    new_variance=0.9 * variance + 0.1 * flat.var(0, unbiased=False),
)

# ---- Dense, activations, softmax, cross-entropy -----------------------------------------------

x, w, b = data(5, 33), data(33, 7, scale=0.2), data(7)
keep_gradients("dense", x @ w + b, x=x, w=w, b=b)

activations = {
    "relu": F.relu,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "elu": lambda x: F.elu(x, 0.7),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "gelu": F.gelu,
    "swish": F.silu,
    "hard_swish": F.hardswish,
}
for name, function in activations.items():
    x = data(7, 11, scale=2.5)
    keep_gradients(name, function(x), x=x)

x = data(5, 10, scale=3)
keep_gradients("softmax", torch.softmax(x, 1), x=x)

x = data(7, 10, scale=3)
labels = torch.tensor([3, 0, 9, -1, 7, 7, 2], dtype=torch.int32)
for case, smoothing in (("cross_entropy", 0.0), ("cross_entropy_smoothed", 0.1)):
    keep(case, labels=labels)
    y = F.cross_entropy(x, labels.long(), ignore_index=-1, reduction="none", label_smoothing=smoothing)
    keep_gradients(case, y, x=x)

# ---- Optimizers: three steps on one parameter ----------------------------------------------------
# PyTorch's Adam adds epsilon to sqrt(v / (1 - beta2^t)), Keras' to sqrt(v): with gradients near 1
# and epsilon 1e-7 the two agree to 1e-7.


def optimizer(case, make):
    w = data(37)
    gradients = [torch.randn(37, generator=generator).double() for _ in range(3)]
    keep(case, w=w)
    chosen = make([w])
    for step, g in enumerate(gradients):
        w.grad = g.clone()
        chosen.step()
        keep(case, **{f"g{step}": g})
    keep(case, new_w=w)


optimizer("sgd", lambda p: torch.optim.SGD(p, lr=0.05))
optimizer("momentum", lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9))
optimizer("adam", lambda p: torch.optim.Adam(p, lr=0.01, eps=1e-7))
optimizer("adamw", lambda p: torch.optim.AdamW(p, lr=0.01, eps=1e-7, weight_decay=0.1))

save_file(tensors, os.path.join(HERE, "ops.safetensors"))

# ---- One step of the seed network -------------------------------------------------------------
# Both sides make images, labels and weights from the same integer hash, so that the file holds
# results alone: the loss, and of each tensor's gradient and new value 64 elements and the sum.

SAMPLES = 64
tensors = {}


def mix(name, count):
    """uint32 hashes of (name, 0..count-1): FNV-1a of the name, then a 32-bit finalizer."""
    seed = 2166136261
    for byte in name.encode():
        seed = (seed ^ byte) * 16777619 % 2**32
    x = (np.arange(count, dtype=np.uint64) + seed) % 2**32
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = (x ^ (x >> shift)) * factor % 2**32
    return x ^ (x >> 16)


def uniform(name, dims, scale, shift=0.0):
    """scale * u + shift, u uniform in -1..1, rounded to float32."""
    u = mix(name, math.prod(dims)).astype(np.float64) / 2**31 - 1
    return torch.tensor((scale * u + shift).astype(np.float32)).double().reshape(dims)


def sample(array):
    flat = array.detach().reshape(-1).numpy()
    stride = max(1, len(flat) // SAMPLES)
    return flat[::stride][:SAMPLES].astype(np.float32), np.array([flat.sum()], dtype=np.float32)


class Layers:
    """Parameters by deepdigits' names, in its layouts."""

    def __init__(self):
        self.parameters, self.statistics = {}, {}

    def parameter(self, name, dims, scale, shift=0.0):
        self.parameters[name] = uniform(name, dims, scale, shift).requires_grad_(True)
        return self.parameters[name]

    def weights(self, name, dims, fan_in, fan_out):
        return self.parameter(name + ".weight", dims, math.sqrt(6 / (fan_in + fan_out)))

    def block(self, x, number, kernel, channels, filters):
        conv, norm = f"conv{number}", f"norm{number}"
        w = self.weights(conv, (kernel, kernel, channels, filters), kernel**2 * channels, kernel**2 * filters)
        b = self.parameter(conv + ".bias", (filters,), 0.05, -0.05)
        gamma = self.parameter(norm + ".gamma", (filters,), 0.1, 1.0)
        beta = self.parameter(norm + ".beta", (filters,), 0.1)
        x = F.relu(F.conv2d(x, w.permute(3, 2, 0, 1), b))
        moments = nhwc(x.detach()).reshape(-1, filters)
        # The first step's running values are the batch's own: their start is forgotten.
        self.statistics[norm + ".mean"] = moments.mean(0)
        self.statistics[norm + ".variance"] = moments.var(0, unbiased=False)
        return F.max_pool2d(F.batch_norm(x, None, None, gamma, beta, True, 0.0, 1e-3), 2)

    def dense(self, x, name, size, units):
        w = self.weights(name, (size, units), size, units)
        return x @ w + self.parameter(name + ".bias", (units,), 0.05, -0.05)


BATCH = 8
network = Layers()
# Ink in the middle and blank around it, and (in block) biases below 0, as in digits: no filter is
# active everywhere. Where one is, the norm behind it makes the bias' gradient 0 but for rounding,
# which Adam then blows up to a whole step.
pixels = (mix("images", BATCH * 28 * 28) >> 24).astype(np.float64).reshape(BATCH, 28, 28, 1)
inside = np.zeros((1, 28, 28, 1))
inside[:, 6:22, 6:22] = 1
x = torch.tensor(pixels * inside / 255)
labels = torch.tensor((mix("labels", BATCH) % 10).astype(np.int64))
x = network.block(nchw(x), 1, 5, 1, 64)
x = network.block(x, 2, 5, 64, 128)
x = network.block(x, 3, 3, 128, 256)
x = nhwc(x).reshape(BATCH, 256)
logits = network.dense(F.relu(network.dense(x, "dense1", 256, 512)), "logits", 512, 10)
loss = F.cross_entropy(logits, labels)
loss.backward()
# Ours adds epsilon 1e-7 to sqrt(v), PyTorch to sqrt(v / (1 - beta2)) in the first step: there the
# same epsilon is this much larger.
epsilon = 1e-7 / math.sqrt(1 - 0.999)
torch.optim.Adam(network.parameters.values(), lr=1e-3, eps=epsilon).step()

tensors["loss"] = np.array([loss.item()], dtype=np.float32)
for name, value in network.parameters.items():
    tensors[name + "/value"], tensors[name + "/value_sum"] = sample(value)
    tensors[name + "/gradient"], tensors[name + "/gradient_sum"] = sample(value.grad)
    tensors[name + "/gradient_largest"] = np.array([value.grad.abs().max()], dtype=np.float32)
for name, value in network.statistics.items():
    tensors[name + "/value"], tensors[name + "/value_sum"] = sample(value)
save_file(tensors, os.path.join(HERE, "seed_step.safetensors"))
