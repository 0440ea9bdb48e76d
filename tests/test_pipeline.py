import math
from dataclasses import dataclass

import pytest
import torch

from mien.pipeline import (
    RecoverOptions,
    detect_faces,
    find_faces,
    finish,
    identity,
    prepare,
    read_face,
    recover,
    recover_aligned,
    through,
)
from mien.types import Crop, Detection, Image, Images, Masks, Reading, Recovery

UPRIGHT = torch.tensor([[40.0, 40.0], [80.0, 40.0], [60.0, 64.0], [44.0, 82.0], [76.0, 82.0]])


@dataclass(frozen=True)
class Brighter:
    """A Recoverer that adds light, so that what it touched can be seen."""

    crop_size: int = 64
    template: str = "ffhq"
    keeps_pose: bool = True
    added: float = 0.2

    def __call__(self, crops: list[Crop]) -> list[Recovery]:
        evidence = torch.ones(1, self.crop_size, self.crop_size)
        return [Recovery((crop.pixels + self.added).clamp(0, 1), evidence, self.keeps_pose) for crop in crops]

    def with_fidelity(self, fidelity: float) -> "Brighter":
        return Brighter(added=self.added * (1 - fidelity))

    def with_batch_size(self, batch_size: int) -> "Brighter":
        return self


def detection(left: float, size: float) -> Detection:
    """A face whose eyes lie 40 * size pixels apart."""
    points = UPRIGHT * size + torch.tensor([left, 0.0])
    box = torch.tensor([left + 25 * size, 15 * size, left + 95 * size, 105 * size])
    return Detection(box, points, 0.9)


def two_faces(photo: Image) -> list[Detection]:
    return [detection(0.0, 0.5), detection(60.0, 1.0)]


def in_order(faces: Images) -> torch.Tensor:
    """The first face of a batch at 0, the last at 1 radian."""
    turned = torch.linspace(0.0, 1.0, len(faces))
    return torch.stack((turned.cos(), turned.sin()), dim=1)


@pytest.fixture
def photo() -> Image:
    coarse = torch.rand(1, 3, 12, 20, generator=torch.Generator().manual_seed(0)) * 0.6
    return torch.nn.functional.interpolate(coarse, size=(130, 210), mode="bicubic")[0].clamp(0, 0.7)


def test_every_face_is_recovered_and_the_rest_is_left_to_the_bit(photo: Image) -> None:
    result = recover(photo, Brighter(), find=two_faces)
    assert [face.pasted for face in result.faces] == [True, True]
    changed = (result.photo != photo).any(dim=0)
    assert bool(changed[30, 30])  # between the eyes of the small face
    assert bool(changed[64, 120])  # on the nose of the large one
    assert not bool(changed[:, 205:].any())
    torch.testing.assert_close(result.photo[:, 64, 120], photo[:, 64, 120] + 0.2, atol=0.02, rtol=0)
    assert set(result.seconds) == {"find", "align", "recover", "paste"}


def test_a_photo_without_faces_comes_back_as_it_is(photo: Image) -> None:
    result = recover(photo, Brighter(), find=lambda image: [])
    assert torch.equal(result.photo, photo)
    assert result.faces == ()


def test_only_the_largest(photo: Image) -> None:
    result = recover(photo, Brighter(), RecoverOptions(only_largest=True), find=two_faces)
    assert len(result.faces) == 1
    assert float(result.faces[0].detection.box[0]) == 85.0


@pytest.mark.parametrize("scale", [2, 4])
def test_scale_enlarges_the_photo_and_the_faces_with_it(photo: Image, scale: int) -> None:
    result = recover(photo, Brighter(), RecoverOptions(scale=scale), find=two_faces)
    assert result.photo.shape == (3, 130 * scale, 210 * scale)
    plain = recover(photo, Brighter(added=0.0), RecoverOptions(scale=scale), find=two_faces)
    difference = (result.photo - plain.photo).mean(dim=0)
    assert float(difference[64 * scale, 120 * scale]) == pytest.approx(0.2, abs=0.03)
    assert float(difference[:, 206 * scale :].abs().max()) == 0


def test_a_turned_head_is_not_pasted(photo: Image) -> None:
    result = recover(photo, Brighter(keeps_pose=False), find=two_faces)
    assert torch.equal(result.photo, photo)
    assert [face.pasted for face in result.faces] == [False, False]


def test_a_whole_crop_comes_back_in_its_size(photo: Image) -> None:
    result = recover_aligned(photo, Brighter())
    torch.testing.assert_close(result.photo, photo + 0.2, atol=0.01, rtol=0)
    assert result.faces[0].pasted
    nose = result.faces[0].detection.points[2]  # in the photo, whose shorter side is 130 of 210
    torch.testing.assert_close(nose, torch.tensor([105.0, 64.5 + 210 * (314 / 512 - 0.5)]), atol=1, rtol=0)


def test_an_aligned_picture_is_all_its_recovery() -> None:
    picture = torch.rand(3, 64, 64)
    assert torch.allclose(recover_aligned(picture, Brighter()).photo, (picture + 0.2).clamp(0, 1), atol=1e-4)


def test_identity_is_told_when_it_is_asked_for(photo: Image) -> None:
    plain = recover(photo, Brighter(), find=two_faces, identify=in_order)
    assert [face.identity for face in plain.faces] == [None, None]
    told = recover(photo, Brighter(), RecoverOptions(identity=True), two_faces, in_order)
    # the four faces, two before and two after, lie at 0, 1/3, 2/3 and 1
    assert [face.identity for face in told.faces] == pytest.approx([math.cos(2 / 3)] * 2)
    assert set(told.seconds) == {"find", "align", "recover", "identify", "paste"}
    assert torch.equal(told.photo, plain.photo)


def test_a_face_that_is_not_alike_enough_stays_as_it_was(photo: Image) -> None:
    def second_is_lost(faces: Images) -> torch.Tensor:
        return torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.8, 0.6], [0.1, 0.995]])

    result = recover(photo, Brighter(), RecoverOptions(min_identity=0.5), two_faces, second_is_lost)
    assert [face.pasted for face in result.faces] == [True, False]
    assert [face.identity for face in result.faces] == pytest.approx([0.8, 0.1])
    assert bool((result.photo != photo)[:, 30, 30].any())
    assert torch.equal(result.photo[:, :, 100:], photo[:, :, 100:])


def test_a_whole_crop_that_is_not_alike_enough_stays_as_it_was(photo: Image) -> None:
    for least, is_kept in ((0.9, True), (0.5, False)):
        result = recover_aligned(photo, Brighter(), RecoverOptions(min_identity=least), in_order)
        assert result.faces[0].identity == pytest.approx(math.cos(1))
        assert result.faces[0].pasted != is_kept
        assert torch.equal(result.photo, photo) == is_kept


def test_a_face_s_identity_is_a_direction(photo: Image) -> None:
    (crop, _) = find_faces(photo, size=64, find=two_faces)
    assert identity(crop, in_order).tolist() == [1, 0]


def test_a_face_is_read_by_whom_one_likes(photo: Image) -> None:
    (crop, _) = find_faces(photo, size=48, find=two_faces)
    reading = Reading(
        landmarks=torch.zeros(68, 2),
        rotation=torch.eye(3),
        scale=1.0,
        shift=torch.zeros(2),
        identity=torch.zeros(1),
        expression=torch.zeros(1),
        albedo=torch.zeros(1),
        light=torch.zeros(9, 3),
        certainty=1.0,
        occluded=0.0,
    )
    asked: list[Crop] = []

    def read(given: Crop) -> Reading:
        asked.append(given)
        return reading

    assert read_face(crop, read) is reading
    assert asked == [crop]


def test_the_stages_are_usable_alone(photo: Image) -> None:
    assert len(detect_faces(photo, two_faces)) == 2
    crops = find_faces(photo, size=64, find=two_faces)
    assert [tuple(crop.pixels.shape) for crop in crops] == [(3, 64, 64)] * 2


def test_scales_that_there_are_not() -> None:
    with pytest.raises(ValueError, match="1, 2 or 4, got 3"):
        RecoverOptions(scale=3)


def test_what_cannot_be_meant_is_refused(photo: Image) -> None:
    with pytest.raises(ValueError, match="a cosine, -1 to 1, got 40"):
        RecoverOptions(min_identity=40.0)
    with pytest.raises(ValueError, match="recovered as a whole"):
        recover_aligned(photo, Brighter(), RecoverOptions(scale=2))


def test_what_is_before_a_face_stays_as_it_was(photo: Image) -> None:
    """Of which the parser says that only the left half is face."""

    def left_half(faces: Images, groups: tuple[tuple[str, ...], ...]) -> Masks:
        assert faces.shape[1:] == (3, 64, 64)
        assert "skin" in groups[0]
        assert "hair" not in groups[0]
        half = torch.ones_like(faces[:, :1])
        half[..., faces.shape[-1] // 2 :] = 0
        return half

    options = RecoverOptions(only_face=True)
    prepared = prepare(photo, Brighter(), options, lambda image: [detection(60.0, 1.0)])
    result = finish(prepared, *through(Brighter(), prepared), options, parts=left_half)
    changed = (result.photo != photo).any(dim=0)
    assert bool(changed[64, 105])
    assert not bool(changed[:, 135:].any())


def test_only_faces_that_are_pasted_are_parsed_and_all_at_once(photo: Image) -> None:
    sizes: list[int] = []

    def everywhere(faces: Images, groups: tuple[tuple[str, ...], ...]) -> Masks:
        sizes.append(len(faces))
        return torch.ones_like(faces[:, :1])

    def second_is_lost(faces: Images) -> torch.Tensor:
        return torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.8, 0.6], [0.1, 0.995]])

    for options in (RecoverOptions(only_face=True), RecoverOptions(only_face=True, min_identity=0.5)):
        prepared = prepare(photo, Brighter(), options, two_faces)
        through_model = through(Brighter(), prepared)
        result = finish(prepared, *through_model, options, second_is_lost, everywhere)
        assert result.faces[0].area is not None
    assert sizes == [2, 1]
    assert [face.pasted for face in result.faces] == [True, False]
    assert result.faces[1].area is None


def test_a_face_that_the_parser_does_not_find_counts_as_left_alone(photo: Image) -> None:
    def nowhere(faces: Images, groups: tuple[tuple[str, ...], ...]) -> Masks:
        found = torch.zeros_like(faces[:, :1])
        found[1:] = 1.0
        return found

    options = RecoverOptions(only_face=True)
    prepared = prepare(photo, Brighter(), options, two_faces)
    result = finish(prepared, *through(Brighter(), prepared), options, parts=nowhere)
    assert [face.pasted for face in result.faces] == [False, True]
    changed = (result.photo != photo).any(dim=0)
    assert not bool(changed[30, 30])
    assert bool(changed[64, 120])


def test_turned_heads_are_not_looked_at_for_what_is_before_them(photo: Image) -> None:
    def never(faces: Images, groups: tuple[tuple[str, ...], ...]) -> Masks:
        raise AssertionError("it is not pasted")

    options, model = RecoverOptions(only_face=True), Brighter(keeps_pose=False)
    prepared = prepare(photo, model, options, two_faces)
    assert torch.equal(finish(prepared, *through(model, prepared), options, parts=never).photo, photo)
