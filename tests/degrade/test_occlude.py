import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.degrade.occlude import (
    OccluderProfile,
    Occluders,
    Placement,
    PlacementProfile,
    occlude,
    paste_cutouts,
    shape_masks,
)


def gray(batch: int, height: int = 65, width: int = 65) -> torch.Tensor:
    return torch.full((batch, 3, height, width), 0.5)


def one_shape(radii: tuple[float, float], power: float, degrees: float = 0.0) -> Occluders:
    return Occluders(
        center=torch.tensor([[0.5, 0.5]]),
        radii=torch.tensor([radii]),
        angle=torch.tensor([math.radians(degrees)]),
        power=torch.tensor([power]),
        waves=torch.zeros(1, 4, 2),
        softness=torch.zeros(1),
        color=torch.tensor([[1.0, 0.0, 0.25]]),
        texture=torch.zeros(1),
    )


def test_areas_of_ellipse_and_rhombus():
    ellipse = shape_masks(one_shape((0.4, 0.2), 2.0, 30), 129, 129)
    assert ellipse.sum().item() == pytest.approx(math.pi * 0.08 * 129**2, rel=0.02)
    rhombus = shape_masks(one_shape((0.3, 0.3), 1.0), 129, 129)
    assert rhombus.sum().item() == pytest.approx(2 * 0.09 * 129**2, rel=0.02)


def test_angle_turns_from_x_towards_y():
    mask = shape_masks(one_shape((0.4, 0.05), 2.0, 45), 65, 65)[0, 0]
    assert mask[48, 48] > 0.9
    assert mask[16, 48] == 0


def test_flat_occluder_hides_by_its_mask():
    images = gray(1)
    occluded = occlude(images, one_shape((0.2, 0.2), 2.0), torch.Generator())
    assert torch.equal(occluded.images[0, :, 32, 32], torch.tensor([1.0, 0.0, 0.25]))
    outside = occluded.mask.expand_as(images) == 0
    assert torch.equal(occluded.images[outside], images[outside])


def test_soft_edges_are_as_wide_as_told():
    soft = replace(one_shape((0.3, 0.3), 2.0), softness=torch.tensor([0.1]))
    line = shape_masks(soft, 201, 201)[0, 0, 100]
    assert ((line > 0) & (line < 1)).sum().item() == pytest.approx(2 * 20, abs=4)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), height=st.integers(8, 50), width=st.integers(8, 50))
def test_drawn_occluders_stay_in_range_and_repeat(seed: int, height: int, width: int):
    def run() -> tuple[torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(seed)
        occluders = OccluderProfile(probability=0.8).draw(4, generator)
        occluded = occlude(gray(4, height, width), occluders, generator)
        return occluded.images, occluded.mask

    images, mask = run()
    for values in (images, mask):
        assert values.isfinite().all()
        assert values.min() >= 0
        assert values.max() <= 1
    assert torch.equal(images, run()[0])


def test_probability_0_hides_nothing():
    generator = torch.Generator().manual_seed(0)
    images = gray(3)
    occluded = occlude(images, OccluderProfile(probability=0.0).draw(3, generator), generator)
    assert torch.equal(occluded.images, images)
    assert occluded.mask.max() == 0
    placement = PlacementProfile(probability=0.0).draw(3, generator)
    assert torch.equal(paste_cutouts(images, torch.ones(3, 4, 8, 8), placement).images, images)


def test_cutouts_are_placed_scaled_and_turned():
    cutout = torch.zeros(1, 4, 20, 40)
    cutout[:, 3] = 1
    cutout[:, 0, :, :20], cutout[:, 1, :, 20:] = 1, 1  # left half red, right half green
    placement = Placement(torch.tensor([[0.5, 0.5]]), torch.tensor([40 / 65]), torch.tensor([math.pi / 2]))
    pasted = paste_cutouts(gray(1), cutout, placement)
    assert pasted.mask.sum().item() == pytest.approx(800, rel=0.01)
    # a quarter turn from x towards y brings the left half up
    torch.testing.assert_close(pasted.images[0, :, 20, 32], torch.tensor([1.0, 0.0, 0.0]))
    torch.testing.assert_close(pasted.images[0, :, 44, 32], torch.tensor([0.0, 1.0, 0.0]))
    assert torch.equal(pasted.images[0, :, 32, 10], torch.full((3,), 0.5))


def test_colors_below_transparency_do_not_show():
    cutout = torch.ones(1, 4, 9, 9)
    cutout[:, 3] = 0
    cutout[:, :3, 4, 4], cutout[:, 3, 4, 4] = 0, 1  # one black pixel in white that is not there
    placement = Placement(torch.tensor([[0.5, 0.5]]), torch.tensor([9 / 65]), torch.tensor([0.3]))
    assert paste_cutouts(gray(1), cutout, placement).images.max() <= 0.5
