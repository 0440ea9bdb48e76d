from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from mien.data.synthesis import PackedTriples, SynthesisSettings, pack_triples, synthesize
from mien.geometry.camera import WeakPerspective
from mien.geometry.estimate import Estimate
from mien.geometry.mesh import close_openings
from mien.geometry.pose import rotation_from_angles
from mien.geometry.rotate import FittedFace
from mien.geometry.shade import even_light
from mien.image.occlusion import Parts

SIZE, SIDE = 64, 25


def dome():
    """The front of a ball as a mesh, seen a little from the side."""
    line = torch.linspace(-1, 1, SIDE)
    v, u = torch.meshgrid(-line, line, indexing="ij")
    x, y = u * (1 - v * v / 2).sqrt(), v * (1 - u * u / 2).sqrt()
    z = (1.02 - x * x - y * y).clamp(min=0).sqrt()
    places = torch.arange(SIDE * SIDE).view(SIDE, SIDE)
    a, b, c, d = (
        part.flatten() for part in (places[:-1, :-1], places[:-1, 1:], places[1:, :-1], places[1:, 1:])
    )
    triangles = torch.cat((torch.stack((a, c, b), 1), torch.stack((b, c, d), 1)))
    return torch.stack((x, y, z), -1).view(1, -1, 3), triangles


def estimate(batch=2):
    vertices, triangles = dome()
    face = FittedFace(
        vertices.expand(batch, -1, -1),
        close_openings(triangles, SIDE * SIDE),
        rotation_from_angles(torch.tensor([[10.0, 0.0, 0.0]])).expand(batch, -1, -1),
        WeakPerspective(torch.full((batch,), 22.0), torch.full((batch, 2), 31.5)),
    )
    albedo = torch.tensor([0.7, 0.5, 0.4]).expand(batch, SIDE * SIDE, 3)
    return Estimate(face, albedo, even_light(batch))


def photos(batch=2):
    """The surface as it is estimated, with a texture, a blue block in front, and something around it."""
    drawn, covered = estimate(batch).draw(estimate(batch).face.rotation, SIZE, SIZE)
    chance = torch.Generator().manual_seed(0)
    noise = F.interpolate(torch.rand(batch, 3, 16, 16, generator=chance), (SIZE, SIZE), mode="bilinear")
    pictures = torch.lerp(0.2 + 0.3 * noise, drawn + 0.05 * (noise - 0.5), covered)
    pictures[:, :, 36:46, 24:40] = torch.tensor([0.1, 0.2, 0.9])[:, None, None]
    return pictures.clamp(0, 1)


BLOCK = torch.zeros(1, 1, SIZE, SIZE)
BLOCK[:, :, 37:45, 25:39] = 1
POINTS = torch.zeros(2, 68, 2)


def make(settings=None, parts=None):
    chance = torch.Generator().manual_seed(3)
    return synthesize(photos(), estimate(), POINTS, settings or SynthesisSettings(), chance, parts)


def test_what_covers_goes_into_the_guide_and_out_of_the_damaged_picture():
    triples = make()
    truth, blue = photos(), 2
    inside = BLOCK.expand(2, -1, -1, -1) > 0
    assert triples.mask[inside].mean() > 0.9
    assert triples.damaged[:, blue][inside[:, 0]].mean() < 0.6
    assert triples.guide[:, blue][inside[:, 0]].mean() > 0.7
    torch.testing.assert_close(triples.truth, truth)


def test_without_swap_it_stays():
    triples = make(SynthesisSettings(swaps=False))
    # the afterimage of two turns, blue all the same
    inside = BLOCK.expand(2, -1, -1, -1) > 0
    swapped = make(SynthesisSettings()).damaged[:, 2:][inside].mean()
    assert triples.damaged[:, 2:][inside].mean() > swapped + 0.1
    torch.testing.assert_close(triples.guide, triples.estimate)


def test_what_two_turns_lose_is_in_the_mask_if_it_counts():
    with_lost, without = make(), make(SynthesisSettings(lost_counts=False))
    assert with_lost.mask.mean() > without.mask.mean()
    kept = (with_lost.face > 0) & (with_lost.mask < 0.02)
    assert kept.any()
    difference = (with_lost.damaged - with_lost.truth).abs().amax(1, keepdim=True)
    assert difference[kept].mean() < 0.05


@pytest.mark.parametrize("around", ["photo", "black"])
def test_around_the_face_is_the_photo_or_nothing(around):
    triples = make(SynthesisSettings(around=around))
    outside = (triples.face == 0).expand(-1, 3, -1, -1)
    wanted = triples.truth if around == "photo" else torch.zeros_like(triples.truth)
    for picture in (triples.damaged, triples.guide, triples.estimate):
        torch.testing.assert_close(picture[outside], wanted[outside])
    assert not triples.mask[triples.face == 0].any()


def test_a_mask_by_the_parser_alone_has_nothing_else():
    objects = torch.zeros(2, 1, SIZE, SIZE)
    objects[:, :, 20:30] = 1
    settings = SynthesisSettings(mask_by="parser", lost_counts=False)
    mask = make(settings, Parts(objects, torch.zeros_like(objects))).mask
    assert not mask[:, :, 36:].any()
    assert mask[:, :, 22:28, 28:36].min() > 0.99
    with pytest.raises(ValueError, match="needs a parser"):
        make(settings)


def test_chance_decides_the_pose_alone():
    first, second = make(), make()
    torch.testing.assert_close(first.damaged, second.damaged)


def test_packed_triples_come_back(tmp_path: Path):
    def pack(numbers):
        # the third batch cannot be read
        return None if numbers[0] == 4 else make()

    assert pack_triples(pack, 6, 2, SIZE, tmp_path) == 4
    pool = PackedTriples.open(tmp_path)
    assert len(pool) == 4
    assert pool.split(2) == ([0, 2], [1, 3])
    batch, wanted = pool.batch([3, 0]), make()
    torch.testing.assert_close(batch.damaged[0], wanted.damaged[1], atol=0.003, rtol=0)
    torch.testing.assert_close(batch.mask[1], wanted.mask[0], atol=0.003, rtol=0)


def test_nothing_to_pack_is_said(tmp_path: Path):
    with pytest.raises(ValueError, match="none of 3 photos"):
        pack_triples(lambda numbers: None, 3, 2, SIZE, tmp_path)
    tiny = replace(make(), face=torch.zeros(2, 1, SIZE, SIZE))
    with pytest.raises(ValueError, match="none of 2 photos"):
        pack_triples(lambda numbers: tiny, 2, 2, SIZE, tmp_path)
