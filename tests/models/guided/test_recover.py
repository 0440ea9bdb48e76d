from dataclasses import dataclass, replace

import pytest
import torch
import torch.nn.functional as F

from mien.faces.align import align, template_points, whole_crop
from mien.models.guided.network import FoldedConfig, GuidedConfig, GuidedNetwork
from mien.models.guided.recover import (
    Guided,
    GuidedSettings,
    ReferencesError,
    place_crop,
    sharpness,
    suitability,
)
from mien.types import Crop, Detection, Guidable, Recoverer, Recovery

SIDE = 32
TINY = GuidedConfig(
    SIDE,
    FoldedConfig(shrink=2, channels=(4, 6), num_blocks=(1, 1), decoder_channels=(4,), guide_channels=(3,)),
    FoldedConfig(shrink=2, channels=(4, 6, 8), num_blocks=(1, 1, 1), decoder_channels=(6,)),
)
FLOAT = GuidedSettings(precision=torch.float32, least_likeness=0.5)


@dataclass(frozen=True)
class Blank:
    """Makes faces gray, so that it shows who recovered them."""

    fidelity: float = 0.0
    batch_size: int = 8
    crop_size: int = SIDE
    template: str = "ffhq"

    def __call__(self, crops: list[Crop]) -> list[Recovery]:
        return [
            Recovery(torch.full_like(crop.pixels, 0.5), torch.ones_like(crop.pixels[:1])) for crop in crops
        ]

    def with_fidelity(self, fidelity: float) -> "Blank":
        return replace(self, fidelity=fidelity)

    def with_batch_size(self, batch_size: int) -> "Blank":
        return replace(self, batch_size=batch_size)


def face_in(photo: torch.Tensor, left: float, size: float) -> Detection:
    points = template_points("ffhq", SIDE).float() * size / SIDE + torch.tensor([left, 0.0])
    return Detection(torch.tensor([left, 0.0, left + size, size]), points, 1.0)


def find(photo: torch.Tensor) -> list[Detection]:
    """Squares from left to right, each a face; none in a black photo."""
    height, width = photo.shape[1:]
    if not bool(photo.any()):
        return []
    return [face_in(photo, float(left), float(height)) for left in range(0, width - height + 1, height)]


def identify(faces: torch.Tensor) -> torch.Tensor:
    """People are told apart by their colour."""
    return F.normalize(faces.mean((2, 3)) - 0.3, dim=1)


def person(color: tuple[float, float, float], seed: int = 0, side: int = SIDE) -> torch.Tensor:
    noise = 0.1 * torch.rand(3, side, side, generator=torch.Generator().manual_seed(seed))
    return torch.tensor(color).reshape(3, 1, 1) * 0.9 + noise


RED, BLUE = (0.9, 0.2, 0.2), (0.2, 0.2, 0.9)


def crop_of(pixels: torch.Tensor) -> Crop:
    return whole_crop(pixels, SIDE)


@pytest.fixture
def model() -> Guided:
    network = GuidedNetwork(TINY)
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.data.normal_(std=0.05, generator=generator)
    return Guided(network, Blank(), find, identify, settings=FLOAT)


def test_it_is_what_the_words_say(model: Guided) -> None:
    assert isinstance(model, Recoverer)
    assert isinstance(model, Guidable)
    assert not isinstance(Blank(), Guidable)
    assert (model.crop_size, model.template) == (SIDE, "ffhq")


def test_a_face_is_recovered_with_a_photo_of_the_person(model: Guided) -> None:
    bound = model.with_references([person(RED, 1, side=48)])
    (recovery,) = bound([crop_of(person(RED))])
    guidance = recovery.guidance
    assert guidance is not None
    assert guidance.reference == 0
    assert guidance.likeness == pytest.approx(1, abs=0.05)
    assert recovery.pixels.shape == guidance.pixels.shape == (3, SIDE, SIDE)
    assert guidance.flow.shape == (2, SIDE, SIDE)
    assert ((recovery.evidence + guidance.lent) <= 1 + 1e-6).all()
    assert (recovery.evidence >= 0).all()
    assert (guidance.lent >= 0).all()
    assert recovery.notes == ("guided by reference 1, alike to 1.00",)
    assert bound.unused == ()


def test_the_guide_matters(model: Guided) -> None:
    crop = crop_of(person(RED))
    results = [model.with_references([person(RED, seed)])([crop])[0].pixels for seed in (1, 2)]
    assert not torch.equal(*results)


def test_without_references_it_says_what_is_missing(model: Guided) -> None:
    assert model([]) == []
    with pytest.raises(ReferencesError, match="with_references"):
        model([crop_of(person(RED))])
    with pytest.raises(ReferencesError, match="no references"):
        model.with_references([])


def test_photos_without_a_face_are_passed_over(model: Guided) -> None:
    black = torch.zeros(3, 40, 40)
    bound = model.with_references([black, person(RED, 1)])
    assert bound.unused == (0,)
    (recovery,) = bound([crop_of(person(RED))])
    assert recovery.guidance is not None
    assert recovery.guidance.reference == 1
    with pytest.raises(ReferencesError, match="no face in any of 2 references"):
        model.with_references([black, black])


def test_of_several_faces_the_most_alike_is_taken_and_that_is_said(model: Guided) -> None:
    together = torch.cat((person(BLUE, 1), person(RED, 2), person(BLUE, 3)), dim=2)
    (recovery,) = model.with_references([together])([crop_of(person(RED))])
    assert recovery.guidance is not None
    assert recovery.guidance.likeness > 0.9
    assert recovery.notes[0].endswith("the most alike of 3 faces there")


def test_another_person_is_refused_unless_any_person_will_do(model: Guided) -> None:
    crop = crop_of(person(RED))
    (refused,) = model.with_references([person(BLUE)])([crop])
    assert refused.guidance is None
    assert torch.equal(refused.pixels, torch.full((3, SIDE, SIDE), 0.5))
    assert "no reference shows this person" in refused.notes[0]
    (taken,) = model.with_references([person(BLUE)], any_person=True)([crop])
    assert taken.guidance is not None
    assert taken.guidance.likeness < 0.5


def test_an_album_is_matched_to_faces_by_identity(model: Guided) -> None:
    bound = model.with_references([person(BLUE, 1), person(RED, 2)]).with_batch_size(1)
    green = (0.2, 0.9, 0.2)
    red, other, blue = bound([crop_of(person(color)) for color in (RED, green, BLUE)])
    assert red.guidance is not None
    assert blue.guidance is not None
    assert (red.guidance.reference, blue.guidance.reference) == (1, 0)
    assert other.guidance is None


@pytest.mark.parametrize("side", [8, 100])
def test_references_may_have_any_size(model: Guided, side: int) -> None:
    (recovery,) = model.with_references([person(RED, 1, side)])([crop_of(person(RED))])
    assert recovery.guidance is not None


def test_a_gray_reference_guides(model: Guided) -> None:
    gray = person(RED, 1).mean(0, keepdim=True).expand(3, -1, -1)
    (recovery,) = model.with_references([gray], any_person=True)([crop_of(person(RED))])
    assert recovery.guidance is not None
    assert recovery.pixels.isfinite().all()


def test_of_equal_guides_the_sharper_one_and_of_sharp_ones_the_nearer(model: Guided) -> None:
    sharp, blurred = person(RED, 1), F.avg_pool2d(person(RED, 1)[None], 5, 1, 2)[0]
    assert sharpness(sharp) > 2 * sharpness(blurred)
    crop = crop_of(person(RED))
    bound = model.with_references([blurred, sharp])
    (recovery,) = bound([crop])
    assert recovery.guidance is not None
    assert recovery.guidance.reference == 1
    turned = replace(bound.references[1], crop=replace(crop, points=crop.points + 3.0))
    assert suitability(turned, crop) < suitability(bound.references[1], crop)


def test_fidelity_and_batch_size_keep_the_album(model: Guided) -> None:
    crop = crop_of(person(RED))
    bound = (
        model.with_references([torch.zeros(3, 8, 8), person(RED, 1)]).with_fidelity(1.0).with_batch_size(2)
    )
    (recovery,) = bound([crop])
    torch.testing.assert_close(recovery.pixels, crop.pixels)
    assert bound.unused == (0,)
    assert bound.otherwise.fidelity == 1.0
    with pytest.raises(ValueError, match="batch_size"):
        model.with_batch_size(0)
    with pytest.raises(ValueError, match="fidelity"):
        model.with_fidelity(2.0)


def test_crops_of_another_size_are_refused(model: Guided) -> None:
    with pytest.raises(ValueError, match="32 x 32 pixels, got 16 x 16"):
        model.with_references([person(RED)])([whole_crop(person(RED), 16)])


def test_places_are_those_of_its_crops() -> None:
    photo = person(RED, side=40)
    found = face_in(photo, 3.0, 36.0)
    assert torch.equal(place_crop(found, SIDE), align(photo, found, "ffhq", SIDE).photo_from_crop)
