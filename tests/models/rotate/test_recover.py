from dataclasses import replace

import pytest
import torch

from mien.geometry.morphable import LinearMorphable
from mien.geometry.pose import rotation_from_angles
from mien.geometry.shade import even_light
from mien.models.rotate.network import RotateConfig, RotateNetwork
from mien.models.rotate.recover import KEEPABLE, NEVER_COVERS, RotateSettings, Rotator
from mien.types import Crop, Reading, Recoverer, Turnable

SIZE, SIDE = 64, 15
TINY = RotateConfig(image_size=SIZE, fold=2, channels=(4, 6, 8), num_blocks=1, stem=3, spectral=False)


class Painter(RotateNetwork):
    """Paints everything red, and says what is dark is covered."""

    def __init__(self):
        super().__init__(TINY)
        self.seen = []

    def forward(self, photo, estimate):
        self.seen.append((photo.float(), estimate.float()))
        red = photo.new_tensor([1.0, -1.0, -1.0])[:, None, None].expand_as(photo)
        is_dark = (photo.amax(1, keepdim=True) < -0.7).to(photo)
        return red, 40 * is_dark - 20


def half_ball():
    """A model whose shape does not vary, with its left half the mirror of its right one."""
    line = torch.linspace(-1, 1, SIDE)
    v, u = torch.meshgrid(-line, line, indexing="ij")
    x, y = u * (1 - v * v / 2).sqrt(), v * (1 - u * u / 2).sqrt()
    mean = torch.stack((x, y, (1.05 - x * x - y * y).sqrt()), -1).view(-1, 3)
    places = torch.arange(SIDE * SIDE).view(SIDE, SIDE)
    a, b = places[:-1, :-1].flatten(), places[:-1, 1:].flatten()
    c, d = places[1:, :-1].flatten(), places[1:, 1:].flatten()
    landmarks = torch.linspace(0, SIDE * SIDE - 1, 68).long()
    # eyes, nose and mouth where five points are taken from
    for index, (row, column) in {
        **dict.fromkeys(range(36, 42), (5, 4)),
        **dict.fromkeys(range(42, 48), (5, 10)),
        30: (8, 7),
        48: (11, 5),
        54: (11, 9),
    }.items():
        landmarks[index] = places[row, column]
    return LinearMorphable(
        mean=mean,
        identity_basis=torch.zeros(1, len(mean), 3),
        expression_basis=torch.zeros(1, len(mean), 3),
        mean_albedo=torch.full((len(mean), 3), 0.6),
        albedo_basis=torch.zeros(1, len(mean), 3),
        triangles=torch.cat((torch.stack((a, c, b), 1), torch.stack((b, c, d), 1))),
        uv=mean[:, :2] / 2 + 0.5,
        landmarks=landmarks,
        mirror=places.flip(1).flatten(),
        landmark_offsets=torch.zeros(68, 3),
    )


def read(crop, certainty=0.9, yaw=0.0):
    return Reading(
        landmarks=torch.zeros(68, 2),
        rotation=rotation_from_angles(torch.tensor([yaw, 0.0, 0.0])),
        scale=24.0,
        shift=torch.full((2,), (SIZE - 1) / 2),
        identity=torch.zeros(1),
        expression=torch.zeros(1),
        albedo=torch.zeros(1),
        light=even_light(1)[0],
        certainty=certainty,
        occluded=0.0,
    )


def make(**changes):
    settings = changes.pop("settings", RotateSettings(precision=torch.float32))
    options = {"read": read, "model": half_ball(), "settings": settings, **changes}
    return Rotator(Painter(), options.pop("read"), options.pop("model"), **options)


def crop(shade=0.6):
    pixels = torch.full((3, SIZE, SIZE), shade)
    points = torch.tensor([[22.0, 24.0], [41.0, 24.0], [31.5, 33.0], [25.0, 43.0], [38.0, 43.0]])
    return Crop(pixels, torch.tensor([[1.0, 0.0, 10.0], [0.0, 1.0, 20.0]], dtype=torch.float64), points)


def covered_crop(rows=slice(36, 46)):
    one = crop()
    one.pixels[:, rows, 20:44] = 0.05
    return one


def is_red(pixels):
    return (pixels[0] > 0.9) & (pixels[1] < 0.1)


def test_it_is_what_the_pipeline_and_turning_ask_for():
    assert isinstance(make(), Recoverer)
    assert isinstance(make(), Turnable)


def test_only_what_covers_the_face_is_made_anew():
    one = covered_crop()
    recovery = make()([one])[0]
    red = is_red(recovery.pixels)
    assert red[37:45, 22:42].all()
    torch.testing.assert_close(recovery.pixels[:, ~red], one.pixels[:, ~red])
    assert recovery.keeps_pose
    assert recovery.evidence[0][red].max() < 0.01
    assert recovery.evidence[0][~red].min() > 0.99
    assert not recovery.mirrored.any()
    assert recovery.notes[0].endswith("guessed")
    assert "0% mirrored" in recovery.notes[0]


def test_nothing_in_front_nothing_changes():
    one = crop()
    recovery = make()([one])[0]
    torch.testing.assert_close(recovery.pixels, one.pixels)
    assert recovery.notes == ("100% of this face was seen, 0% mirrored, 0% guessed",)


def test_a_turned_face_is_seen_mirrored_and_guessed():
    # seen from the side: its far half is not in the picture
    one, side = crop(), replace(RotateSettings(precision=torch.float32), yaw=0.0)
    recovery = make(settings=side, read=lambda crop: read(crop, yaw=50.0))([one])[0]
    assert not recovery.keeps_pose
    assert recovery.evidence.mean() > 0.2
    assert recovery.mirrored.mean() > 0.02
    total = recovery.evidence + recovery.mirrored
    assert total.max() <= 1.001


def test_smeared_as_in_the_paper_there_is_nothing_mirrored():
    settings = RotateSettings(precision=torch.float32, yaw=0.0, unseen="smeared")
    recovery = make(settings=settings, read=lambda crop: read(crop, yaw=50.0))([crop()])[0]
    assert not recovery.mirrored.any()
    assert is_red(recovery.pixels).any()


def test_turned_faces_go_back_only_if_that_is_asked_for():
    assert not make().to(40.0)([crop()])[0].keeps_pose
    assert make().to(40.0).pasting()([crop()])[0].keeps_pose
    assert make().to(None)([crop()])[0].keeps_pose
    # a turn by nothing is none
    assert make().to(0.0)([crop()])[0].keeps_pose


def test_a_face_that_cannot_be_read_stays_and_the_others_do_not():
    readings = iter([read(None, certainty=0.1), read(None)])
    first, second = make(read=lambda crop: next(readings))([covered_crop(), covered_crop()])
    assert torch.equal(first.pixels, covered_crop().pixels)
    assert first.notes == ("not read in 3D (certainty 0.10): left as it is",)
    assert first.mirrored is None
    assert is_red(second.pixels).any()


def test_a_reading_that_is_not_a_number_is_unsure():
    recovery = make(read=lambda crop: read(crop, certainty=float("nan")))([crop()])[0]
    assert "left as it is" in recovery.notes[0]


def test_a_fully_covered_face_is_refused_with_the_share_seen():
    recovery = make()([crop(shade=0.02)])[0]
    assert recovery.notes == ("refused: only 0% of this face can be seen",)
    assert torch.equal(recovery.pixels, crop(shade=0.02).pixels)


def test_a_users_mask_is_of_the_photo_and_replaces_what_was_found():
    mask = torch.zeros(1, 100, 90)
    mask[:, 44:54, 36:46] = 1.0  # rows 24..33 and columns 26..35 of the crop
    recovery = make().with_mask(mask)([covered_crop()])[0]
    red = is_red(recovery.pixels)
    assert red[25:33, 27:35].all()
    assert not red[37:45, 22:42].any()


def test_a_users_mask_counts_more_than_what_usually_stays():
    def all_hair(images, groups):
        everywhere = torch.ones_like(images[:, :1])
        return torch.cat([everywhere * ("hair" in names) for names in groups], 1)

    mask = torch.zeros(1, 100, 90)
    mask[:, 44:54, 36:46] = 1.0
    recovery = make(find_parts=all_hair).keeping("hair").with_mask(mask)([covered_crop()])[0]
    assert is_red(recovery.pixels)[25:33, 27:35].all()


def test_glasses_can_stay_on():
    asked = []

    def find_parts(images, groups):
        asked.append(groups)
        everywhere = torch.ones_like(images[:, :1])
        return torch.cat([everywhere * ("eye_glasses" in names) for names in groups], 1)

    recovery = make(find_parts=find_parts).keeping("glasses")([covered_crop()])[0]
    ((_, stays, _),) = asked
    assert set(stays) == {*KEEPABLE["glasses"], *NEVER_COVERS}
    torch.testing.assert_close(recovery.pixels, covered_crop().pixels)
    with pytest.raises(ValueError, match="a face parser is needed"):
        make().keeping("glasses")
    with pytest.raises(ValueError, match="cannot keep nose"):
        make(find_parts=find_parts).keeping("nose")


def test_what_the_parser_takes_for_no_face_comes_off_too():
    def find_parts(images, groups):
        hidden = torch.zeros_like(images[:, :1])
        hidden[:, :, 36:44, 24:32] = 1.0
        return torch.cat([hidden * ("background" in names) for names in groups], 1)

    plain, helped = (make(find_parts=find)([crop()])[0] for find in (None, find_parts))
    changed = (plain.pixels - helped.pixels).abs().amax(0) > 0.05
    assert changed[38:42, 26:30].all()
    assert not changed[:30].any()
    assert float(helped.evidence[0, 40, 28]) < 0.1


def test_fidelity_mixes_in_the_input_of_a_face_in_its_own_pose():
    half = make().with_fidelity(0.5)([covered_crop()])[0]
    assert half.pixels[0, 40, 30] == pytest.approx(0.525, abs=0.01)
    with pytest.raises(ValueError, match="no input to keep"):
        make().to(20.0).with_fidelity(0.5)


@pytest.mark.parametrize(("yaw", "pitch"), [(91.0, None), (None, 31.0), (-120.0, 0.0)])
def test_angles_have_limits(yaw, pitch):
    with pytest.raises(ValueError, match="must lie between"):
        make().to(yaw, pitch)


def test_batches_of_any_size_agree():
    crops = [covered_crop(), crop(), covered_crop(slice(30, 38))]
    together, alone = make()(crops), make().with_batch_size(1)(crops)
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one.pixels, other.pixels)
    assert make()([]) == []


def test_a_crop_of_another_size_is_refused():
    small = Crop(torch.zeros(3, 32, 32), torch.eye(2, 3, dtype=torch.float64), torch.zeros(5, 2))
    with pytest.raises(ValueError, match="64 x 64 pixels, got 32 x 32"):
        make()([small])


def test_swapped_renders_are_an_option():
    swapping = make(settings=RotateSettings(precision=torch.float32, swaps=True))
    recovery = swapping([covered_crop()])[0]
    shown, _ = swapping.network.seen[0]
    plain = make()
    plain([covered_crop()])
    assert shown[0, :, 38:44, 24:40].mean() > plain.network.seen[0][0][0, :, 38:44, 24:40].mean() + 0.3
    # what nothing covers is the photo's all the same
    torch.testing.assert_close(recovery.pixels[:, :8], covered_crop().pixels[:, :8])
