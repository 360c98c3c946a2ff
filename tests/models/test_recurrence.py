"""The kernel gives what nn.GRU gives, values and gradients, whatever the threads, the padding and the neighbours."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.utils.flop_counter import FlopCounterMode

from starbolt.contract import Block
from starbolt.models import GRU, recurrence

pytestmark = pytest.mark.skipif(recurrence.kernel() is None, reason="no C compiler here: nn.GRU is used")

CASES = [  # B, C, T, width, depth
    pytest.param(*case, id="x".join(map(str, case)))
    for case in [
        (1, 1, 1, 1, 1),
        (3, 4, 200, 64, 1),
        (64, 4, 60, 64, 1),
        (17, 40, 30, 20, 1),
        (5, 4, 12, 128, 1),
        (33, 1, 9, 7, 2),
        (3, 40, 30, 64, 2),
        (2, 3, 5, 15, 3),
    ]
]
BOTH = pytest.mark.parametrize("bidirectional", [False, True])


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def block(objects: int, channels: int, steps: int) -> Block:
    """Series of all lengths from 0 to `steps`, with rubbish behind their ends."""
    length = torch.randint(0, steps + 1, (objects,))
    length[0] = steps
    if objects > 1:
        length[1] = 0
    inside = torch.arange(steps) < length[:, None, None]
    x = torch.randn(objects, channels, steps)
    return Block(torch.where(inside, x, 1e6), inside, length=length)


def without_kernel(encoder: GRU, given: Block) -> Tensor:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recurrence, "fits", lambda reader, x: False)
        return encoder(given)


def learnt(encode, encoder: GRU, given: Block, towards: Tensor) -> list[Tensor]:
    """The answer, and the gradients of inputs and weights."""
    x = given.x.clone().requires_grad_()
    answer = encode(encoder, given._replace(x=x))
    return [answer.detach(), *torch.autograd.grad((answer * towards).sum(), [x, *encoder.parameters()])]


def assert_same(given: list[Tensor], expected: list[Tensor], within: float = 1e-5) -> None:
    """To 1e-5 of the largest, since sums over thousands of points are taken in different orders."""
    for each, other in zip(given, expected, strict=True):
        scale = max(1.0, float(other.abs().max()))
        torch.testing.assert_close(each.double(), other.double(), atol=within * scale, rtol=0)


@BOTH
@pytest.mark.parametrize(("objects", "channels", "steps", "width", "depth"), CASES)
def test_values_and_gradients_are_those_of_nn_gru(objects, channels, steps, width, depth, bidirectional):
    given = block(objects, channels, steps)
    encoder = GRU((channels, steps), width=width, depth=depth, bidirectional=bidirectional)
    assert all(recurrence.fits(reader, given.x) for reader in encoder.readers)
    towards = torch.randn(objects, encoder.out_dim)
    by_kernel = learnt(GRU.__call__, encoder, given, towards)
    assert_same(by_kernel, learnt(without_kernel, encoder, given, towards))
    precise = given._replace(x=given.x.double())
    assert_same(by_kernel, learnt(without_kernel, copy.deepcopy(encoder).double(), precise, towards.double()))


def test_lengths_of_many_objects_are_all_read():
    given, encoder = block(300, 2, 25), GRU((2, 25), width=8)
    torch.testing.assert_close(encoder(given), without_kernel(encoder, given), atol=1e-5, rtol=0)


@BOTH
def test_the_number_of_threads_changes_no_bit(bidirectional):
    given, encoder = block(70, 4, 40), GRU((4, 40), depth=2, bidirectional=bidirectional)
    towards, before, answers = torch.randn(70, encoder.out_dim), torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            answers.append(learnt(GRU.__call__, encoder, given, towards))
    finally:
        torch.set_num_threads(before)
    for others in answers[1:]:
        assert all(torch.equal(each, other) for each, other in zip(answers[0], others, strict=True))


@BOTH
def test_an_object_alone_has_the_bits_that_it_has_among_others(bidirectional):
    given, encoder = block(40, 4, 30), GRU((4, 30), depth=2, bidirectional=bidirectional)
    answer = encoder(given)
    for row in range(40):
        x, length = given.x[row : row + 1], given.length[row : row + 1]
        assert torch.equal(encoder(Block(x, x == x, length=length))[0], answer[row])
        cut = x[:, :, : max(int(length), 1)]
        assert torch.equal(encoder(Block(cut, cut == cut, length=length))[0], answer[row])


def test_it_answers_the_same_whether_it_learns_or_not():
    given, encoder = block(9, 4, 30), GRU((4, 30), depth=2)
    answer = encoder(given)
    with torch.no_grad():
        assert torch.equal(encoder(given), answer)
    with torch.inference_mode():
        assert torch.equal(encoder(given), answer)
    assert torch.equal(encoder.requires_grad_(False)(given), answer)


@BOTH
def test_what_stands_in_the_padding_is_never_read(bidirectional):
    given, encoder = block(20, 4, 30), GRU((4, 30), bidirectional=bidirectional)
    rubbish = given._replace(x=torch.where(given.mask, given.x, torch.nan))
    towards = torch.randn(20, encoder.out_dim)
    first, second = (learnt(GRU.__call__, encoder, each, towards) for each in (given, rubbish))
    assert all(torch.equal(each, other) for each, other in zip(first, second, strict=True))
    assert (first[1].masked_select(~given.mask) == 0).all()


def test_nan_in_a_series_is_told_and_stays_there():
    given, encoder = block(20, 4, 30), GRU((4, 30))
    given.x[0, 1, 3] = torch.nan
    broken, whole = encoder(given), without_kernel(encoder, given)
    assert torch.equal(broken.isnan(), whole.isnan())
    assert broken[0].isnan().any()
    assert not broken[1:].isnan().any()


@pytest.mark.parametrize("size", [1e4, -1e4, 1e30])
def test_saturated_units_are_finite_and_the_same(size):
    given, encoder = block(9, 4, 30), GRU((4, 30), width=20)
    given = given._replace(x=given.x.sign() * size)
    towards = torch.randn(9, encoder.out_dim)
    by_kernel = learnt(GRU.__call__, encoder, given, towards)
    assert all(each.isfinite().all() for each in by_kernel)
    expected = learnt(without_kernel, encoder, given, towards)
    assert_same(by_kernel[:1], expected[:1])
    assert_same(by_kernel, expected, within=1e-3)  # of sums of thousands, whose last digits decide where units open


def test_the_maximum_shares_its_gradient_among_ties():
    encoder = GRU((1, 6), width=3)
    with torch.no_grad():
        for weight in encoder.parameters():
            weight.zero_()
        encoder.readers[0].bias_ih_l0[3:6] = 100.0  # z is 1: the state stays 0
    x, length = torch.zeros(2, 1, 6), torch.tensor([6, 4])
    given, towards = Block(x, x == 0, length=length), torch.randn(2, 9)
    assert_same(learnt(GRU.__call__, encoder, given, towards), learnt(without_kernel, encoder, given, towards))


def test_a_very_long_series():
    given, encoder = block(1, 2, 6000), GRU((2, 6000), width=4)
    towards = torch.randn(1, encoder.out_dim)
    precise = given._replace(x=given.x.double())
    expected = learnt(without_kernel, copy.deepcopy(encoder).double(), precise, towards.double())
    assert_same(learnt(GRU.__call__, encoder, given, towards), expected)


def test_frozen_weights_have_no_gradient_and_inputs_still_do():
    given, encoder = block(5, 3, 8), GRU((3, 8), depth=2)
    x = given.x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(encoder(given._replace(x=x)).sum(), [x])
    encoder.requires_grad_(False)
    encoder(given._replace(x=x)).sum().backward()
    torch.testing.assert_close(x.grad, expected, atol=0, rtol=0)
    assert all(weight.grad is None for weight in encoder.parameters())


def test_a_second_derivative_is_refused():
    given, encoder = block(3, 3, 8), GRU((3, 8))
    x = given.x.clone().requires_grad_()
    with pytest.raises(ValueError, match=r"^the GRU's kernel knows no second derivatives; set STARBOLT_NATIVE=0"):
        torch.autograd.grad(encoder(given._replace(x=x)).sum(), [x], create_graph=True)


def test_dropout_between_layers_drops_while_training_alone():
    given, encoder = block(20, 3, 8), GRU((3, 8), depth=2, dropout=0.5)
    encoder.dropout.eval()
    assert not torch.equal(encoder(given), encoder(given))
    encoder.eval()
    torch.testing.assert_close(encoder(given), without_kernel(encoder, given), atol=1e-5, rtol=0)


@pytest.mark.filterwarnings("ignore:.torch.jit.trace. is")
def test_whoever_follows_single_operators_is_given_nn_gru():
    reader, x = nn.GRU(2, 4), torch.randn(3, 2, 5)
    assert recurrence.fits(reader, x)
    assert not recurrence.fits(copy.deepcopy(reader).double(), x.double())
    assert not recurrence.fits(reader, x.to("meta"))
    assert not recurrence.fits(nn.GRU(2, recurrence.WIDEST + 1), x)
    seen = []
    with torch.autocast("cpu"):
        seen.append(recurrence.fits(reader, x))
    torch.vmap(lambda each: seen.append(recurrence.fits(reader, each)) or each)(x[None])
    torch.jit.trace(lambda each: seen.append(recurrence.fits(reader, each)) or each * 2, x, check_trace=False)
    with forward_ad.dual_level():
        seen.append(recurrence.fits(reader, x))
    with FlopCounterMode(display=False):
        seen.append(recurrence.fits(reader, x))
    torch.export.export(Probe(reader, seen), (x,), strict=False)
    assert not any(seen)
    assert len(seen) >= 6
    reader.register_forward_hook(lambda *all: None)
    assert not recurrence.fits(reader, x)


class Probe(nn.Module):
    def __init__(self, reader, seen):
        super().__init__()
        self.reader, self.seen = reader, seen

    def forward(self, x):
        self.seen.append(recurrence.fits(self.reader, x))
        return x * 2


def test_without_a_kernel_the_answer_is_that_of_nn_gru(monkeypatch):
    given, encoder = block(20, 4, 30), GRU((4, 30), depth=2, bidirectional=True)
    answer = encoder(given)
    monkeypatch.setattr(recurrence, "kernel", lambda: None)
    recurrence._sound.cache_clear()
    try:
        assert not recurrence.fits(encoder.readers[0], given.x)
        torch.testing.assert_close(encoder(given), answer, atol=1e-5, rtol=0)
    finally:
        recurrence._sound.cache_clear()


def test_a_kernel_that_gives_something_else_is_not_used(monkeypatch):
    call = recurrence._call

    def wrong(way, series, backwards, weights, made):
        call(way, series, backwards, weights, made)
        if way == "backward":
            made["d_w_hh"][1, 2] += 0.1

    monkeypatch.setattr(recurrence, "_call", wrong)
    recurrence._sound.cache_clear()
    try:
        assert not recurrence.fits(nn.GRU(2, 4), torch.randn(3, 2, 5))
    finally:
        recurrence._sound.cache_clear()


def test_trying_the_kernel_draws_no_random_number():
    recurrence._sound.cache_clear()
    before = torch.get_rng_state()
    assert recurrence._sound()
    assert torch.equal(torch.get_rng_state(), before)
