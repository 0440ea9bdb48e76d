import math
from dataclasses import dataclass, replace

import pytest
import torch

from mien.evaluate.covers import COVERS
from mien.evaluate.findings import Findings
from mien.evaluate.occlusion import (
    ESTIMATE,
    SMOOTH,
    Covered,
    Made,
    decibels,
    evaluate_occlusion,
    overlap,
    values_of,
)
from mien.evaluate.rotation import YAWS, evaluate_rotation
from mien.evaluate.sheets import EvaluationError
from mien.evaluate.trial import INPUT, Trial
from mien.geometry.morphable import LinearMorphable
from mien.geometry.pose import rotation_from_angles
from mien.geometry.shade import even_light
from mien.image.io import write_image
from mien.types import Reading, Recovery

SIZE, SIDE = 64, 13
LANDMARKS = torch.tensor([32.0, 38.0]).expand(1, 68, 2).clone()
for _index, _place in {
    0: (12.0, 26.0), 2: (14.0, 36.0), 8: (32.0, 58.0), 14: (50.0, 36.0), 16: (52.0, 26.0),
    28: (32.0, 30.0), 30: (32.0, 38.0), 33: (32.0, 40.0), 48: (25.0, 47.0), 54: (39.0, 47.0),
}.items():  # fmt: skip
    LANDMARKS[0, _index] = torch.tensor(_place)
LANDMARKS[0, 36:42], LANDMARKS[0, 42:48] = torch.tensor([23.0, 26.0]), torch.tensor([41.0, 26.0])


def model():
    line = torch.linspace(-1, 1, SIDE)
    v, u = torch.meshgrid(-line, line, indexing="ij")
    x, y = u * (1 - v * v / 2).sqrt(), v * (1 - u * u / 2).sqrt()
    mean = torch.stack((x, y, (1.05 - x * x - y * y).sqrt()), -1).view(-1, 3)
    places = torch.arange(SIDE * SIDE).view(SIDE, SIDE)
    a, b, c, d = (
        part.flatten() for part in (places[:-1, :-1], places[:-1, 1:], places[1:, :-1], places[1:, 1:])
    )
    nothing = torch.zeros(1, len(mean), 3)
    return LinearMorphable(
        mean=mean,
        identity_basis=nothing,
        expression_basis=nothing,
        mean_albedo=torch.full((len(mean), 3), 0.6),
        albedo_basis=nothing,
        triangles=torch.cat((torch.stack((a, c, b), 1), torch.stack((b, c, d), 1))),
        uv=mean[:, :2] / 2 + 0.5,
        landmarks=torch.linspace(0, SIDE * SIDE - 1, 68).long(),
        mirror=places.flip(1).flatten(),
        landmark_offsets=torch.zeros(68, 3),
    )


def read(crop, certainty=1.0, yaw=0.0):
    return Reading(
        LANDMARKS[0],
        rotation_from_angles(torch.tensor([yaw, 0.0, 0.0])),
        24.0,
        torch.full((2,), (SIZE - 1) / 2),
        torch.zeros(1),
        torch.zeros(1),
        torch.zeros(1),
        even_light(1)[0],
        certainty,
        0.0,
    )


@dataclass(frozen=True)
class Gray:
    """Makes what differs from gray by much gray again; turned, it shows its yaw in the brightness."""

    crop_size: int = SIZE
    template: str = "ffhq"
    yaw: float | None = None
    reads: bool = True

    def with_fidelity(self, fidelity):
        return self

    def with_batch_size(self, batch_size):
        return self

    def to(self, yaw, pitch=None):
        return replace(self, yaw=yaw)

    def keeping(self, *things):
        return self

    def with_mask(self, mask):
        return self

    def pasting(self):
        return self

    def __call__(self, crops):
        return [self.recover(crop) for crop in crops]

    def recover(self, crop):
        odd = ((crop.pixels - 0.6).abs().amax(0, keepdim=True) > 0.1).float()
        pixels = torch.lerp(crop.pixels, torch.full_like(crop.pixels, 0.6), odd)
        if self.yaw is not None:
            pixels = torch.full_like(pixels, 0.5 + self.yaw / 200)
        return Recovery(pixels, 1 - odd, self.yaw is None, mirrored=0 * odd if self.reads else None)


@pytest.fixture
def photos(tmp_path):
    for number in range(3):
        picture = torch.full((3, SIZE, SIZE), 0.6)
        picture[:, : number + 2] = 0.63
        write_image(tmp_path / f"{number}.png", picture)
    return tuple(sorted(tmp_path.iterdir()))


@pytest.mark.parametrize("name", sorted(COVERS))
def test_a_cover_hides_what_its_mask_says_and_nothing_else(name):
    image = torch.full((1, 3, SIZE, SIZE), 0.6)
    laid = COVERS[name](image, LANDMARKS, torch.Generator().manual_seed(1))
    assert 0.003 < laid.mask.mean() < 0.6
    untouched = (laid.mask == 0).expand(-1, 3, -1, -1)
    torch.testing.assert_close(laid.images[untouched], image[untouched])
    again = COVERS[name](image, LANDMARKS, torch.Generator().manual_seed(1))
    torch.testing.assert_close(again.images, laid.images)


def test_masks_and_glasses_are_where_they_are_worn():
    image = torch.full((1, 3, SIZE, SIZE), 0.6)
    worn = COVERS["masks"](image, LANDMARKS, torch.Generator().manual_seed(1)).mask[0, 0]
    seen = COVERS["glasses"](image, LANDMARKS, torch.Generator().manual_seed(1)).mask[0, 0]
    assert worn[46, 32] == 1
    assert worn[22, 32] == 0
    assert seen[26, 23] > 0.9
    assert seen[26, 41] > 0.9
    assert seen[48, 32] == 0


def test_numbers_by_hand():
    truth = torch.full((3, 4, 4), 0.5)
    mask, face = torch.zeros(1, 4, 4), torch.ones(1, 4, 4)
    mask[:, :2] = 1
    covered = Covered("x", truth, truth, mask, face, truth)
    made = truth.clone()
    made[:, 0] += 0.1
    made[:, 3, 0] += 0.1
    found = torch.zeros(1, 4, 4)
    found[:, 1:3] = 1
    values = values_of(Made(made, found), covered)
    assert values["psnr_inside"] == pytest.approx(-10 * math.log10(0.01 / 2), abs=1e-4)
    assert values["psnr_outside"] == pytest.approx(-10 * math.log10(0.01 / 8), abs=1e-4)
    assert values["outside_loss"] == pytest.approx(10 * math.log10(1.25), abs=1e-4)
    assert values["iou"] == pytest.approx(1 / 3)
    assert math.isnan(values_of(Made(made), covered)["iou"])
    assert decibels(0.0) == 60.0
    assert math.isnan(overlap(torch.zeros(1, 2, 2), torch.zeros(1, 2, 2), torch.ones(1, 2, 2)))


def test_who_finds_the_cover_is_better_than_its_input(photos):
    findings = evaluate_occlusion(Trial({"gray": Gray()}, photos, num_strips=2), read, model())
    assert isinstance(findings, Findings)
    assert set(findings.conditions) == set(COVERS)
    for condition in COVERS:
        inside = {
            who: findings.row(condition, who).score("psnr_inside").value
            for who in (INPUT, ESTIMATE, SMOOTH, "gray")
        }
        assert inside["gray"] > inside[INPUT] + 3
        assert inside[SMOOTH] > inside[INPUT]
        assert findings.row(condition, "gray").score("iou").value > 0.5
        assert findings.row(condition, INPUT).score("iou") is None
        assert findings.row(condition, INPUT).score("psnr_outside").value == 60.0
    assert len(findings.strips) == 2


def test_faces_that_cannot_be_read_are_counted(photos):
    readings = iter([0.1] + [1.0] * 100)
    findings = evaluate_occlusion(
        Trial({"gray": Gray()}, photos), lambda crop: read(crop, next(readings)), model()
    )
    assert "1 of 3 photos left out" in findings.notes[0]
    with pytest.raises(EvaluationError, match="none of 3 faces"):
        evaluate_occlusion(Trial({"gray": Gray()}, photos), lambda crop: read(crop, 0.1), model())


def read_brightness(crop):
    return read(crop, yaw=(float(crop.pixels.mean()) - 0.5) * 200)


def test_turned_faces_are_judged_by_the_yaw_they_have(photos):
    findings = evaluate_rotation(Trial({"gray": Gray()}, photos, num_strips=1), read_brightness)
    assert len(findings.conditions) == len(YAWS)
    for condition in findings.conditions:
        assert findings.row(condition, "gray").score("angle").value == pytest.approx(0, abs=0.1)
    assert len(findings.strips) == 1


def test_who_cannot_turn_is_passed_over_or_refused(photos):
    class Still:
        crop_size, template = SIZE, "ffhq"

        def with_fidelity(self, fidelity):
            return self

        def with_batch_size(self, batch_size):
            return self

        def __call__(self, crops):
            return [Recovery(crop.pixels, crop.pixels[:1]) for crop in crops]

    both = evaluate_rotation(Trial({"gray": Gray(), "still": Still()}, photos), read_brightness)
    assert "still is not judged here: it cannot turn heads" in both.notes[0]
    with pytest.raises(EvaluationError, match="it cannot turn heads"):
        evaluate_rotation(Trial({"still": Still()}, photos), read_brightness)
    with pytest.raises(EvaluationError, match="none of 3 faces"):
        evaluate_rotation(Trial({"gray": Gray(reads=False)}, photos), read_brightness)
