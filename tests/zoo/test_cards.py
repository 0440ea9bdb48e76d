import pytest
import torch

from mien.models.detector.network import SMALL as DETECTOR_SMALL
from mien.models.detector.network import DetectorNetwork
from mien.models.restore.network import SMALL as RESTORE_SMALL
from mien.models.restore.network import RestoreNetwork
from mien.zoo.cards import DETECTOR, PARTS, RESTORE, ZOO, ModelCard
from mien.zoo.files import PACKAGED, checksum
from mien.zoo.load import LOADERS, load, load_detector, pick_device

CARDS = [*ZOO.values(), *PARTS.values()]


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_the_packaged_file_is_the_cards(card: ModelCard) -> None:
    assert checksum(PACKAGED / card.weights) == card.sha256


def test_every_card_says_what_it_learned_from_and_how_good_it_is() -> None:
    for card in CARDS:
        assert card.data, card.name
        assert card.licence, card.name
        assert card.figures, card.name


def test_no_weights_without_a_card() -> None:
    assert {path.name for path in PACKAGED.glob("*.safetensors")} == {card.weights for card in CARDS}


def test_parameters_are_counted_right() -> None:
    with torch.device("meta"):
        networks = [RestoreNetwork(RESTORE_SMALL), DetectorNetwork(DETECTOR_SMALL)]
    for card, network in zip((RESTORE, DETECTOR), networks, strict=True):
        assert sum(parameter.numel() for parameter in network.parameters()) == card.num_parameters, card.name


def test_every_model_has_a_loader() -> None:
    assert set(ZOO) <= set(LOADERS)


def test_models_load_and_the_detector_is_shared() -> None:
    assert load("restore", "cpu").crop_size == 256
    assert load_detector("cpu") is load_detector("cpu")


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="no model 'restor'; there is restore"):
        load("restor")
    with pytest.raises(ValueError, match="device 'abacus' cannot be used"):
        pick_device("abacus")
