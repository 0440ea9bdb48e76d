import av
import numpy as np
import pytest
import torch

from mien.video.planes import BT601, BT709, Coding, enlarged, likely_matrix, repainted, rgb_from_planes

HALVES = {"yuv420p": (True, True), "yuv422p": (True, False), "yuv444p": (False, False)}


def random_planes(coding, width=10, height=7, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shapes = [(height, width)] + [
        ((height + 1) // 2 if coding.halves[1] else height, (width + 1) // 2 if coding.halves[0] else width)
    ] * 2
    kind = torch.uint8 if coding.bits == 8 else torch.int16
    return tuple(torch.randint(0, 2**coding.bits, shape, generator=generator).to(kind) for shape in shapes)


@pytest.mark.parametrize(("matrix", "name"), [(BT709, "ITU709"), (BT601, "ITU601")])
@pytest.mark.parametrize(("full", "range_name"), [(False, "MPEG"), (True, "JPEG")])
def test_colors_are_those_of_ffmpeg(matrix, name, full, range_name):
    wanted = np.array([[[200, 30, 60], [20, 220, 90], [128, 128, 128], [10, 20, 250]]], np.uint8).repeat(4, 0)
    frame = av.VideoFrame.from_ndarray(wanted, format="rgb24").reformat(
        format="yuv444p16le", dst_colorspace=name, dst_color_range=range_name
    )
    planes = tuple(
        torch.from_numpy(np.frombuffer(plane, "<u2").reshape(4, -1)[:, :4].astype(np.float32) / 256)
        for plane in frame.planes
    )
    got = rgb_from_planes(planes, Coding(matrix, full, 8, (False, False)))
    assert (got.permute(1, 2, 0) * 255 - torch.from_numpy(wanted).float()).abs().max() < 1.6


@pytest.mark.parametrize("halves", HALVES.values())
@pytest.mark.parametrize("bits", [8, 10])
def test_what_is_not_changed_keeps_its_numbers(halves, bits):
    coding = Coding(BT709, False, bits, halves)
    planes = random_planes(coding)
    change = torch.zeros(3, 7, 10)
    change[:, 3, 4] = 0.2
    after = repainted(enlarged(planes, 1), change, coding)
    for plane, new in zip(planes, after, strict=True):
        changed = new != plane.float()
        assert changed.sum() <= 4
        assert not changed[:, -2:].any()
    assert (after[0] != planes[0].float())[3, 4] or planes[0][3, 4] >= 2**bits - 1


def test_a_change_comes_out_as_it_went_in():
    coding = Coding(BT601, True, 10, (False, False))
    planes = tuple(torch.full((4, 4), 500, dtype=torch.int16) for _ in range(3))
    before = rgb_from_planes(planes, coding)
    change = torch.tensor([0.1, -0.05, 0.02])[:, None, None].expand(3, 4, 4)
    after = rgb_from_planes(repainted(enlarged(planes, 1), change, coding), coding)
    assert torch.allclose(after - before, change, atol=2e-3)


def test_halved_colors_lie_on_every_second_column():
    coding = Coding(BT709, True, 8, (True, False))
    luma = torch.full((1, 8), 128, dtype=torch.uint8)
    ramp = torch.tensor([[100, 110, 120, 130]], dtype=torch.uint8)
    red = rgb_from_planes((luma, torch.full((1, 4), 128, dtype=torch.uint8), ramp), coding)[0, 0]
    steps = red[1:7] - red[:6]
    assert torch.allclose(steps, steps[:1].expand(6), atol=1e-6)


def test_enlarging():
    planes = random_planes(Coding(BT709, False, 8, (True, True)), width=8, height=8)
    assert [tuple(plane.shape) for plane in enlarged(planes, 2)] == [(16, 16), (8, 8), (8, 8)]


def test_the_likely_matrix_goes_by_size():
    assert likely_matrix(720, 576) == BT601
    assert likely_matrix(1280, 720) == BT709
