import torch

from mien.models.detector.network import SMALL, DetectorConfig, DetectorNetwork, decode, grid

TINY = DetectorConfig(stem_widths=(4, 4), widths=(4, 4, 6, 6), depths=(0, 1, 0, 0), neck_width=4)


def test_about_a_million_parameters() -> None:
    count = sum(parameter.numel() for parameter in DetectorNetwork(SMALL).parameters())
    assert 0.8e6 < count < 1.5e6


def test_one_answer_for_every_cell_of_four_grids() -> None:
    cells = DetectorNetwork(TINY).eval()(torch.rand(2, 3, 128, 192))
    count = 16 * 24 + 8 * 12 + 4 * 6 + 2 * 3
    assert cells.scores.shape == (2, count)
    assert cells.boxes.shape == (2, count, 4)
    assert cells.points.shape == (2, count, 5, 2)
    assert cells.strides.tolist() == [8.0] * 384 + [16.0] * 96 + [32.0] * 24 + [64.0] * 6


def test_an_untrained_network_finds_nothing() -> None:
    cells = DetectorNetwork(SMALL).eval()(torch.rand(1, 3, 128, 128))
    assert float(cells.scores.detach().sigmoid().max()) < 0.1


def test_a_cell_of_stride_8_has_its_centre_between_its_fourth_and_fifth_pixel() -> None:
    assert grid(2, 3, 8).tolist() == [
        [3.5, 3.5],
        [11.5, 3.5],
        [19.5, 3.5],
        [3.5, 11.5],
        [11.5, 11.5],
        [19.5, 11.5],
    ]


def test_answers_in_pixels_by_hand() -> None:
    answer = torch.zeros(1, 15, 1, 1)
    answer[0, 0] = 2.0
    answer[0, 1:3, 0, 0] = torch.tensor([0.5, -0.25])  # strides from the cell's centre, (3.5, 3.5)
    answer[0, 3:5, 0, 0] = torch.tensor([0.0, 0.0]).exp().log()
    answer[0, 5:7, 0, 0] = torch.tensor([-1.0, 1.0])  # half sides of the box from its middle
    cells = decode([answer], (8,))
    assert cells.scores.tolist() == [[2.0]]
    torch.testing.assert_close(cells.boxes[0, 0], torch.tensor([7.5 - 16, 1.5 - 16, 7.5 + 16, 1.5 + 16]))
    torch.testing.assert_close(cells.points[0, 0, 0], torch.tensor([7.5 - 16, 1.5 + 16]))
    torch.testing.assert_close(cells.points[0, 0, 4], torch.tensor([7.5, 1.5]))


def test_a_shifted_picture_shifts_the_answers() -> None:
    torch.manual_seed(0)
    network = DetectorNetwork(TINY).eval()
    picture = torch.full((1, 3, 320, 320), 0.5)
    picture[:, :, 100:140, 100:140] = torch.rand(3, 40, 40)
    moved = picture.roll(64, 3)
    before, after = network(picture), network(moved)
    rows = torch.arange(40 * 40).view(40, 40)
    inner, shifted = rows[8:24, 8:24].flatten(), rows[8:24, 16:32].flatten()
    torch.testing.assert_close(before.scores[0, inner], after.scores[0, shifted], atol=1e-4, rtol=1e-4)
    offset = torch.tensor([64.0, 0.0, 64.0, 0.0])
    torch.testing.assert_close(before.boxes[0, inner] + offset, after.boxes[0, shifted], atol=1e-2, rtol=1e-4)
