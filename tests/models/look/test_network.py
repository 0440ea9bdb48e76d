import torch

from mien.models.look.network import SMALL, LookConfig, LookNetwork

TINY = LookConfig(
    cut_size=32, face_size=20.0, stem_width=4, widths=(4, 4, 4), depths=(0, 1, 0), last_width=4, hidden=8
)


def test_about_a_million_parameters() -> None:
    count = sum(parameter.numel() for parameter in LookNetwork(SMALL).parameters())
    assert 0.9e6 < count < 1.3e6


def test_one_answer_for_each_cut() -> None:
    sight = LookNetwork(SMALL).eval()(torch.rand(3, 3, 96, 96))
    assert sight.scores.shape == (3,)
    assert sight.boxes.shape == (3, 4)
    assert sight.points.shape == (3, 5, 2)


def test_an_answer_of_nothing_is_the_middle() -> None:
    sight = LookNetwork(TINY).in_pixels(torch.zeros(1, 15))
    torch.testing.assert_close(sight.boxes, torch.tensor([[5.5, 5.5, 25.5, 25.5]]))
    torch.testing.assert_close(sight.points, torch.full((1, 5, 2), 15.5))


def test_answers_in_pixels_by_hand() -> None:
    raw = torch.zeros(1, 15)
    raw[0, 0], raw[0, 1], raw[0, 4] = 2.0, 0.1, torch.tensor(2.0).log()
    raw[0, 5], raw[0, 14] = -0.25, 0.5
    sight = LookNetwork(TINY).in_pixels(raw)
    assert sight.scores.tolist() == [2.0]
    torch.testing.assert_close(sight.boxes, torch.tensor([[7.5, -4.5, 27.5, 35.5]]))
    torch.testing.assert_close(sight.points[0, 0], torch.tensor([10.5, 15.5]))
    torch.testing.assert_close(sight.points[0, 4], torch.tensor([15.5, 25.5]))
