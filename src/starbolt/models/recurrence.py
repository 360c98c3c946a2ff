"""Gated recurrent units on a CPU: what nn.GRU gives, several times as fast, by a kernel in C (see recurrence.c).

The kernel takes series [N, T, C, L]: L of them side by side, one in each lane of a vector, and N such blocks.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn import functional as F

from starbolt import native

WIDEST = 256  # units; more are as fast in nn.GRU, whose products of matrices are then what takes the time
SIZES = ("blocks", "steps", "inputs", "units", "backwards", "threads", "next")
WEIGHTS = ("w_ih", "w_hh", "b_ih", "b_hh")
MADE = ("states", "gates", "ties", "summary")
GRADIENTS = ("d_states", "d_summary", "d_x", *(f"d_{name}" for name in WEIGHTS))


class Layer(ctypes.Structure):
    """`struct layer` of the kernel."""

    _fields_ = [(name, ctypes.c_int64) for name in SIZES] + [
        (name, ctypes.c_void_p) for name in ("length", "object", "x", *WEIGHTS, *MADE, *GRADIENTS, "room")
    ]


class Series(NamedTuple):
    """Series side by side: x [N, T, C, L]; of each lane, int32 [N, L], how many points and which of the B objects.

    A lane without an object has object -1 and no points.
    """

    x: Tensor
    length: Tensor
    object: Tensor


@cache
def kernel() -> ctypes.CDLL | None:
    """The compiled kernel; None where there is none to be had."""
    library = native.load(Path(__file__).with_suffix(".c"))
    if library:
        library.starbolt_lanes.restype = library.starbolt_room.restype = ctypes.c_int64
    return library


def fits(reader: nn.Module, x: Tensor) -> bool:
    """Whether the kernel can read x [B, C, T]: plain float32 on a CPU, and nobody who follows single operators."""
    if torch.compiler.is_compiling() or torch.jit.is_tracing() or torch._C._len_torch_dispatch_stack():
        return False
    if torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0:
        return False
    if torch.is_autocast_enabled("cpu"):
        return False
    if type(reader) is not nn.GRU or reader._forward_hooks or reader._forward_pre_hooks or reader.hidden_size > WIDEST:
        return False
    tensors = (x, *reader.parameters())
    plain = all(type(each) in (Tensor, nn.Parameter) for each in tensors)
    plain = plain and all(each.dtype == torch.float32 and each.device.type == "cpu" for each in tensors)
    return plain and len(x) > 0 and _sound()


def side_by_side(x: Tensor, length: Tensor) -> Series:
    """[B, C, T] -> Series, the longest first. What stands beyond a length is never read."""
    library = kernel()
    assert library
    lanes, length = library.starbolt_lanes(), length.clamp(0, x.shape[2])
    order = length.argsort(descending=True, stable=True)
    more = (0, -len(order) % lanes)
    length, order = F.pad(length[order], more), F.pad(order, more, value=-1)
    return Series(_turned(x[:, :, : int(length[0])], order, lanes), length.int(), order.int())


def _turned(x: Tensor, order: Tensor, lanes: int) -> Tensor:
    """Objects [B, C, T] in the given order, as [N, T, C, lanes]. NumPy's one thread copies as fast as memory gives."""
    if x.requires_grad:
        return x[order].unflatten(0, (len(order) // lanes, lanes)).permute(0, 3, 2, 1).contiguous()
    blocks = x.numpy()[order.numpy()].reshape(len(order) // lanes, lanes, *x.shape[1:])
    return torch.from_numpy(np.ascontiguousarray(blocks.transpose(0, 3, 2, 1)))


def summaries(reader: nn.Module, series: Series, backwards: bool = False) -> Tensor:
    """Last, mean and maximum of the last layer's states, [B, 3 W]; zeros for an empty series.

    backwards: each series is read from its last point to its first.
    """
    assert isinstance(reader, nn.GRU)
    for number in range(reader.num_layers):
        if number:
            series = series._replace(x=F.dropout(series.x, reader.dropout, reader.training))
        names = (f"weight_ih_l{number}", f"weight_hh_l{number}", f"bias_ih_l{number}", f"bias_hh_l{number}")
        weights = [getattr(reader, name) for name in names]
        summarise = number == reader.num_layers - 1
        if torch.is_grad_enabled() and any(each.requires_grad for each in (series.x, *weights)):
            answer = _Layer.apply(backwards, summarise, *series, *weights)
        else:
            made = _forward(series, backwards, summarise, weights, learning=False)
            answer = made["summary" if summarise else "states"]
        series = series._replace(x=answer)
    return series.x


class _Layer(torch.autograd.Function):
    """One layer: of series [N, T, C, L] its states [N, T, H, L], or their summary [B, 3 H]."""

    @staticmethod
    def forward(ctx: Any, backwards: bool, summarise: bool, *tensors: Tensor) -> Tensor:
        series, weights = Series(*tensors[:3]), tensors[3:]
        made = _forward(series, backwards, summarise, weights, learning=True)
        ctx.backwards, ctx.summarise = backwards, summarise
        ctx.save_for_backward(*tensors, *(made.get(name) for name in MADE))
        return made["summary" if summarise else "states"]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():  # asked for with create_graph=True
            raise ValueError("the GRU's kernel knows no second derivatives; set STARBOLT_NATIVE=0 to do without it")
        saved = ctx.saved_tensors
        series, weights, made = Series(*saved[:3]), saved[3:7], dict(zip(MADE, saved[7:], strict=True))
        made["d_summary" if ctx.summarise else "d_states"] = gradient
        if ctx.needs_input_grad[2]:
            made["d_x"] = series.x.new_zeros(series.x.shape)
        if any(ctx.needs_input_grad[5:]):
            made |= {f"d_{name}": each.new_empty(each.shape) for name, each in zip(WEIGHTS, weights, strict=True)}
        _call("backward", series, ctx.backwards, weights, made)
        return None, None, made.get("d_x"), None, None, *(made.get(f"d_{name}") for name in WEIGHTS)


def _forward(
    series: Series, backwards: bool, summarise: bool, weights: Sequence[Tensor], learning: bool
) -> dict[str, Tensor]:
    """Summary or states of a layer, and if it is learning all that gradients need."""
    x, units = series.x, weights[1].shape[1]
    blocks, steps, _, lanes = x.shape
    made = {}
    if learning:
        made["gates"] = x.new_empty(blocks, steps, units, 4, lanes)
    if learning or not summarise:
        made["states"] = x.new_empty(blocks, steps, units, lanes)
    if summarise:
        made["summary"] = x.new_empty(int((series.object >= 0).sum()), 3 * units)
        made["ties"] = x.new_empty(blocks, units, lanes)
    _call("forward", series, backwards, weights, made)
    return made


def _call(way: str, series: Series, backwards: bool, weights: Sequence[Tensor], made: Mapping[str, Tensor]) -> None:
    """Let the kernel read the series and weights, and read and fill the rest."""
    library = kernel()
    assert library
    named = {**series._asdict(), **dict(zip(WEIGHTS, weights, strict=True)), **made}
    held = {name: tensor.contiguous() for name, tensor in named.items() if tensor is not None}
    blocks, steps, inputs, _ = series.x.shape
    sizes = (blocks, steps, inputs, weights[1].shape[1], int(backwards), min(torch.get_num_threads(), blocks), 0)
    layer = Layer(*sizes, **{name: tensor.data_ptr() for name, tensor in held.items()})
    room = series.x.new_empty(library.starbolt_room(ctypes.byref(layer), int(way == "backward")))
    layer.room = room.data_ptr()
    getattr(library, f"starbolt_{way}")(ctypes.byref(layer))


@cache
def _sound() -> bool:
    """Whether there is a kernel, and gives what nn.GRU gives: compilers and processors are many."""
    if kernel() is None:
        return False
    with torch.random.fork_rng(devices=[]), torch.inference_mode(False), torch.enable_grad():
        reader = nn.GRU(3, 5, device="cpu", dtype=torch.float32, batch_first=True)
        x = torch.randn(5, 3, 7, device="cpu", dtype=torch.float32, requires_grad=True)
        states, _ = reader(x.transpose(1, 2))
        answer = summaries(reader, side_by_side(x, torch.full((5,), 7, device="cpu")))
        expected = torch.cat([states[:, -1], states.mean(1), states.amax(1)], 1)
        leaves = (x, *reader.parameters())
        given, right = (torch.autograd.grad(each.square().sum(), leaves) for each in (answer, expected))
    pairs = zip((answer, *given), (expected, *right), strict=True)
    return all(torch.allclose(each, other, atol=1e-4) for each, other in pairs)
