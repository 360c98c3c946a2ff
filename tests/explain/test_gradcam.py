"""Grad-CAM: the map has its maximum where the network looks, and adds up to what it answers."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

from starbolt.explain.answer import codes_of, drive, feature, features, gathered, told
from starbolt.explain.gradcam import grad_cam, watched
from starbolt.learner import Learner
from starbolt.models import CNN, MLP, Backbone, Fusion
from starbolt.report.explained.places import enlarged
from starbolt.tasks import Classification, Regression

CPU = torch.device("cpu")
LOSSES = ("gaussian", "mixture", "quantiles", "binned", "mse", "huber")


def explained(learner, data, count=6):
    batch = gathered(learner, data, data.parts["test"][:count], CPU)
    with torch.no_grad():
        parts = features(learner, batch.inputs)
    return batch, parts, codes_of(learner, batch)


def learner_of(data, encoder, task=Classification):
    torch.manual_seed(0)
    return Learner(data.open(task.target if isinstance(task, type) else task.func.target), encoder, task).eval()


@pytest.mark.parametrize(("down", "along"), [(0, 0), (0, 12), (12, 0), (12, 12)])
def test_the_maximum_lies_in_the_corner_that_the_network_reads(images, reading, down, along):
    data = images()
    learner = reading(data, Classification, lambda b: b.x[:, 0, down : down + 4, along : along + 4].mean((1, 2)))
    batch, parts, _ = explained(learner, data)
    batch.inputs["image"].x[:] = 0
    batch.inputs["image"].x[:, 0, down : down + 4, along : along + 4] = 1
    batch.inputs["image"].x[:, 0, 6:10, 6:10] = 50  # far brighter, and nothing to the network
    parts = {"image": feature(learner, "image", batch.inputs["image"]).detach()}
    cam, _ = grad_cam(learner, "image", batch.inputs, parts, torch.zeros(6, dtype=torch.int64))
    for one in cam.numpy():
        y, x = np.unravel_index(enlarged(one, 16, 16).argmax(), (16, 16))
        assert down <= y < down + 4
        assert along <= x < along + 4
        assert one.min() == 0  # the bright middle neither speaks for the answer nor against it


def test_places_add_up_to_the_predicted_quantity(images):
    """The mean over the last map, then a linear head: nothing is left over but the constants."""
    data = images(2, target="z")
    learner = learner_of(data, partial(CNN, width=4, stages=2), partial(Regression, loss="mse"))
    batch, parts, codes = explained(learner, data)
    cam, _ = grad_cam(learner, "image", batch.inputs, parts, codes)
    constant = learner.task.head[-1].bias * learner.task.spread + learner.task.mean
    torch.testing.assert_close(cam.sum((1, 2)) + constant, told(learner, parts, codes))


def test_it_is_the_grad_cam_of_the_paper_where_the_last_map_is_averaged(images):
    data = images(3)
    learner = learner_of(data, partial(CNN, width=4, stages=2))
    batch, parts, codes = explained(learner, data)
    with watched(learner.encoder.encoders["image"]) as maps:
        out = drive(learner, {"image": feature(learner, "image", batch.inputs["image"])}, codes)
    slope = torch.autograd.grad(out.sum(), maps[-1])[0]
    paper = (slope.mean((2, 3), keepdim=True) * maps[-1]).sum(1).detach()
    cam, _ = grad_cam(learner, "image", batch.inputs, parts, codes)
    torch.testing.assert_close(cam, paper)


def test_log_odds_are_the_logit_of_two_classes_also_where_the_network_is_sure(images, reading):
    data = images()
    learner = reading(data, Classification, lambda b: b.x[:, 0, 0, 0])
    parts = {"image": torch.tensor([[0.5], [20.0], [-30.0]])}
    found = drive(learner, parts, torch.zeros(3, dtype=torch.int64))
    torch.testing.assert_close(found, torch.tensor([1.0, 40.0, -60.0]), rtol=1e-4, atol=0)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_head_has_a_gradient(images, loss):
    data = images(1, target="z")
    learner = learner_of(data, partial(CNN, width=4, stages=2), partial(Regression, loss=loss))
    batch, parts, codes = explained(learner, data)
    cam, share = grad_cam(learner, "image", batch.inputs, parts, codes)
    assert cam.abs().sum() > 0
    assert share.tolist() == [1.0]
    answer = learner.task.answer(learner.task.predict(learner(batch.inputs)))
    torch.testing.assert_close(told(learner, parts, codes), answer["mean"][:, 0])


def test_the_channel_that_the_answer_hangs_on_is_found(images):
    data = images(3)
    learner = learner_of(data, partial(CNN, width=4, stages=2))
    with torch.no_grad():
        learner.encoder.encoders["image"].maps[0][0].weight[:, :2] *= 1e-3
    batch, parts, codes = explained(learner, data)
    _, share = grad_cam(learner, "image", batch.inputs, parts, codes)
    assert share.argmax() == 2
    assert share.sum() == pytest.approx(1)


def test_frozen_weights_are_explained_too(images):
    data = images(2)
    learner = learner_of(data, partial(CNN, width=4, stages=2))
    batch, parts, codes = explained(learner, data)
    free, _ = grad_cam(learner, "image", batch.inputs, parts, codes)
    learner.encoder.requires_grad_(False)
    frozen, _ = grad_cam(learner, "image", batch.inputs, parts, codes)
    torch.testing.assert_close(frozen, free)
    assert all(p.grad is None for p in learner.parameters())


@pytest.mark.parametrize("name", ["resnet18", "shufflenet_v2_x0_5", "mnasnet0_5", "densenet121"])
def test_backbones_are_explained_at_no_fewer_than_four_cells(images, name):
    data = images(3, side=48)
    learner = learner_of(data, partial(Backbone, name=name))
    batch, parts, codes = explained(learner, data, 2)
    cam, _ = grad_cam(learner, "image", batch.inputs, parts, codes)
    assert len(cam) == 2
    assert min(cam.shape[1:]) >= 3
    assert torch.isfinite(cam).all()
    assert cam.abs().amax((1, 2)).min() > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["convnext_tiny", "swin_t", "vit_b_16", "efficientnet_b0"])
def test_networks_with_channels_last_are_explained(images, name):
    side = 224 if name == "vit_b_16" else 160
    data = images(3, side=side)
    learner = learner_of(data, partial(Backbone, name=name))
    batch, parts, codes = explained(learner, data, 2)
    cam, _ = grad_cam(learner, "image", batch.inputs, parts, codes)
    assert cam.shape[1] == cam.shape[2]
    assert torch.isfinite(cam).all()


def test_beside_other_modalities_only_the_image_is_asked(images):
    data = images(2, context=["z"])
    encoder = partial(Fusion, encoders={"image": partial(CNN, width=4, stages=2), "context": partial(MLP, width=8)})
    learner = learner_of(data, encoder)
    batch, parts, codes = explained(learner, data)
    assert list(parts) == list(learner.encoder.encoders)
    cam, _ = grad_cam(learner, "image", batch.inputs, parts, codes)
    assert cam.abs().sum() > 0
    torch.testing.assert_close(
        learner.task(torch.cat(list(parts.values()), 1)), learner(batch.inputs)
    )  # modality by modality is all at once
