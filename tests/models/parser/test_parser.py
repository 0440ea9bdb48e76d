import pytest
import torch
import torch.nn.functional as F

from mien.models.parser.network import CLASSES, MIRRORED, SMALL, ParserConfig, ParserNetwork
from mien.models.parser.objective import ParserObjective, overlap_loss
from mien.models.parser.parse import Parser, area_of, labels_of

TINY = ParserConfig(image_size=32, widths=(4, 6, 8), depths=(0, 1, 0), decoder_widths=(6, 4))


def test_small_config_sees_at_half_the_side() -> None:
    with torch.device("meta"):
        network = ParserNetwork(SMALL)
        logits = network(torch.empty(2, 3, 256, 256))
    assert logits.shape == (2, 19, 128, 128)
    assert sum(parameter.numel() for parameter in network.parameters()) == 1_844_715


def test_a_mirror_swaps_left_and_right_only() -> None:
    assert CLASSES[MIRRORED[CLASSES.index("left_eye")]] == "right_eye"
    assert CLASSES[MIRRORED[CLASSES.index("hair")]] == "hair"
    assert MIRRORED[MIRRORED].tolist() == list(range(19))


def test_sides_that_cannot_be_halved_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be halved 3 times"):
        ParserConfig(image_size=36, widths=(4, 6, 8), depths=(0, 1, 0), decoder_widths=(6, 4))


def test_overlap_is_that_of_sets_where_the_parser_is_sure() -> None:
    labels = torch.tensor([[[0, 0, 1, 1]]])
    sure = 100.0 * F.one_hot(torch.tensor([[[0, 1, 1, 1]]]), 3).movedim(-1, 1).float()
    # class 0: 2 * 1 / (1 + 2), class 1: 2 * 2 / (3 + 2), class 2 is not there
    expected = 1 - (2 * 1 / 3 + 2 * 2 / 5) / 2
    assert float(overlap_loss(sure, labels, epsilon=1e-6)) == pytest.approx(expected, abs=1e-5)


def test_both_terms_are_weighted() -> None:
    images, labels = torch.rand(2, 3, 32, 32), torch.randint(0, 19, (2, 16, 16))
    network = ParserNetwork(TINY).eval()
    losses = ParserObjective(entropy_weight=2.0, overlap_weight=0.5)(network, images, labels)
    expected = 2 * F.cross_entropy(network(images), labels) + 0.5 * overlap_loss(network(images), labels)
    torch.testing.assert_close(losses.total, expected)


def test_chances_add_up_at_full_size_whatever_the_batch() -> None:
    torch.manual_seed(0)
    network, faces = ParserNetwork(TINY), torch.rand(3, 3, 32, 32)
    chances = Parser(network, torch.device("cpu"), batch_size=2)(faces)
    assert chances.shape == (3, 19, 32, 32)
    torch.testing.assert_close(chances.sum(1), torch.ones(3, 32, 32), atol=1e-3, rtol=0.0)
    assert labels_of(chances).shape == (3, 32, 32)
    face = area_of(chances, ("skin", "nose"))
    assert float(face.min()) >= 0
    assert float(face.max()) <= 1


def test_other_sizes_and_classes_are_errors() -> None:
    parser = Parser(ParserNetwork(TINY), torch.device("cpu"))
    with pytest.raises(ValueError, match="faces of 32 pixels"):
        parser(torch.rand(1, 3, 64, 64))
    with pytest.raises(ValueError, match="no class is called beard"):
        area_of(torch.rand(1, 19, 4, 4), ("beard",))
