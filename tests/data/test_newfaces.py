from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from mien.data.newfaces import SCALE, NewFaces, look, mixture, recolored, stored_faces, straight_places

PLAIN = NewFaces(
    degrees=0.0,
    scale=0.0,
    shift=0.0,
    bend=0.0,
    bent_share=0.0,
    mixed_share=0.0,
    brightness=0.0,
    contrast=0.0,
    gray_share=0.0,
)


def smooth(num: int, seed: int = 0) -> Tensor:
    """Stored bytes that sampling hardly changes."""
    noise = torch.rand((num, 3, 6, 6), generator=torch.Generator().manual_seed(seed))
    return (F.interpolate(noise, (192, 192), mode="bicubic").clamp(0, 1) * 255).to(torch.uint8)


def chance(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_stored_face_is_the_middle_at_its_own_scale() -> None:
    stored = smooth(2)
    middle = stored[..., 12:-12, 12:-12].float() / 255  # 168 px are 112 of the face
    expected = F.interpolate(middle, (112, 112), mode="bilinear", align_corners=False)
    torch.testing.assert_close(stored_faces(stored), expected)
    assert 112 * SCALE == 168


def test_with_nothing_changed_a_face_is_itself_or_its_mirror_image() -> None:
    stored = smooth(8)
    faces, themselves = PLAIN(stored, stored.flip(0), chance())
    plain = stored_faces(stored)
    for face, own in zip(faces, plain, strict=True):
        away = min(float((face - other).abs().max()) for other in (own, own.flip(2)))
        assert away < 1e-4
    assert bool(themselves.all())


def test_places_turn_about_the_middle() -> None:
    places = replace(PLAIN, degrees=10.0).places(4, torch.zeros(4, dtype=torch.bool), chance())
    straight = straight_places(112, torch.device("cpu"))
    torch.testing.assert_close(
        places.norm(dim=-1), straight.norm(dim=-1).expand(4, -1, -1), atol=1e-3, rtol=0
    )
    assert float((places - straight).abs().max()) > 1


def test_only_the_bent_bend() -> None:
    bent = torch.tensor([True, False])
    places = replace(PLAIN, bend=2.0).places(2, bent, chance())
    straight = straight_places(112, torch.device("cpu"))
    assert float((places[0] - straight).std()) > 1
    torch.testing.assert_close(places[1], straight)


def test_mixed_faces_lie_between_two_and_are_neither() -> None:
    black = torch.zeros(6, 3, 192, 192, dtype=torch.uint8)
    faces, themselves = replace(PLAIN, mixed_share=1.0)(smooth(6), black, chance())
    assert not bool(themselves.any())
    assert float(faces.min()) >= 0
    assert float(faces.max()) <= 1


def test_mixtures_are_even_or_in_parts() -> None:
    share = mixture(40, 32, chance())
    spread = share.amax((1, 2, 3)) - share.amin((1, 2, 3))
    even = spread < 1e-6
    assert 8 < int(even.sum()) < 32
    assert bool(((share[even] >= 0.25) & (share[even] <= 0.75)).all())
    assert float(spread[~even].median()) > 0.8


def test_recolored_takes_mean_and_contrast_over() -> None:
    faces, like = 0.4 + 0.1 * stored_faces(smooth(2)), 0.5 + 0.12 * stored_faces(smooth(2, seed=1))
    result = recolored(faces, like)
    torch.testing.assert_close(result.mean((2, 3)), like.mean((2, 3)))
    torch.testing.assert_close(result.std((2, 3)), like.std((2, 3)), rtol=1e-3, atol=1e-4)


def test_chance_is_the_generator_alone() -> None:
    stored = smooth(4)
    first, second = (NewFaces()(stored, stored.flip(0), chance(3))[0] for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, NewFaces()(stored, stored.flip(0), chance(4))[0])


def test_beyond_the_margin_the_face_is_mirrored() -> None:
    places = straight_places(112, torch.device("cpu")).expand(1, -1, -1, -1) + torch.tensor([30.0, 0.0])
    stored = smooth(1)
    assert bool(torch.isfinite(look(stored, places)).all())
    assert float(look(stored, places).std()) > 0.01
