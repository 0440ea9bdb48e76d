from dataclasses import replace

import pytest
import torch

from mien.data.spoiling import Spoiling, boxes, mirrored, shift, shrunk
from mien.data.synthesis import Triples

SIZE, BATCH = 48, 6
NOTHING = Spoiling(shrunk_share=0.0, erased_share=0.0, misaligned_share=0.0)


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


def triples():
    pictures = torch.rand(4, BATCH, 3, SIZE, SIZE, generator=chance())
    face = torch.zeros(BATCH, 1, SIZE, SIZE)
    face[:, :, 10:40, 12:36] = 1
    landmarks = torch.rand(BATCH, 68, 2, generator=chance(1)) * 20 + 14
    damaged, guide, estimate, truth = pictures
    return Triples(damaged, guide, estimate, torch.zeros_like(face), face, truth, landmarks)


def turned_back(spoiled, before):
    """Whether each is mirrored."""
    return torch.tensor(
        [bool(torch.equal(now, then.flip(2))) for now, then in zip(spoiled.truth, before.truth, strict=True)]
    )


def test_all_of_a_triple_is_mirrored_together_and_twice_is_as_before():
    before = triples()
    once = mirrored(before, chance(2))
    is_flipped = turned_back(once, before)
    assert is_flipped.any()
    assert not is_flipped.all()
    torch.testing.assert_close(once.guide[is_flipped], before.guide[is_flipped].flip(3))
    twice = mirrored(once, chance(2))
    torch.testing.assert_close(twice.landmarks, before.landmarks)
    torch.testing.assert_close(twice.damaged, before.damaged)


@pytest.mark.parametrize("kind", ["erased_share", "misaligned_share"])
def test_what_is_spoiled_lies_on_the_face_and_in_the_mask(kind):
    before = triples()
    spoiled = replace(NOTHING, **{kind: 1.0})(before, None, chance(4))
    reference = mirrored(before, chance(4))
    changed = (spoiled.damaged != reference.damaged).any(1, keepdim=True)
    assert changed.any()
    assert bool((spoiled.mask[changed] == 1).all())
    assert bool((spoiled.face[changed] == 1).all())
    for name in ("guide", "estimate", "truth"):
        assert torch.equal(getattr(spoiled, name), getattr(reference, name))


def test_a_plain_face_is_its_photo_with_nothing_but_what_is_put_on_in_its_mask():
    before = replace(triples(), mask=torch.ones(BATCH, 1, SIZE, SIZE))
    some = replace(NOTHING, plain_share=0.5)(before, None, chance(4))
    is_plain = (some.damaged == some.truth).flatten(1).all(1)
    assert is_plain.any()
    assert not is_plain.all()
    assert torch.equal(some.guide[is_plain], some.estimate[is_plain])
    assert not some.mask[is_plain].any()
    assert bool((some.mask[~is_plain] == 1).all())
    covered = replace(NOTHING, plain_share=1.0, covered_share=1.0)(before, None, chance(4))
    hidden = (covered.damaged != covered.truth).any(1, keepdim=True) & (covered.face > 0)
    assert hidden.any()
    assert bool((covered.mask[hidden] > 0).all())


def test_under_a_cover_the_guide_is_the_estimate():
    before = triples()
    spoiled = replace(NOTHING, covered_share=1.0)(before, None, chance(4))
    reference = mirrored(before, chance(4))
    hidden = (spoiled.mask == 1).expand(-1, 3, -1, -1)
    assert hidden.any()
    torch.testing.assert_close(spoiled.guide[hidden], reference.estimate[hidden])
    assert not torch.equal(spoiled.damaged, reference.damaged)


def test_nothing_asked_nothing_but_the_mirror():
    before = triples()
    spoiled = NOTHING(before, None, chance(4))
    assert torch.equal(spoiled.damaged, mirrored(before, chance(4)).damaged)
    assert not spoiled.mask.any()


def test_boxes_and_shifts_by_hand():
    box = boxes(torch.tensor([[1.0, 2.0]]), torch.tensor([[2.0, 1.0]]), 4, 5)
    assert box[0, 0].nonzero().tolist() == [[2, 1], [2, 2]]
    moved = shift(box, 1, -1)
    assert moved[0, 0].nonzero().tolist() == [[3, 0], [3, 1]]
    assert not shift(box, 0, 4).any()


def test_shrunk_pictures_lose_what_is_fine_alone():
    flat = torch.full((1, 3, 8, 8), 0.3)
    torch.testing.assert_close(shrunk(flat), flat)
    tiles = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).repeat(4, 4).expand(1, 3, -1, -1)
    torch.testing.assert_close(shrunk(tiles), torch.full_like(tiles, 0.5))
