import pytest
import torch

from mien.losses.perceptual import perceptual_loss


def test_layers_are_weighed_and_compared_by_either_norm():
    made = [torch.zeros(1, 2, 2, 2), torch.zeros(1, 3, 1, 1)]
    truth = [torch.full((1, 2, 2, 2), 2.0), torch.full((1, 3, 1, 1), 3.0)]
    assert float(perceptual_loss(made, truth, (1.0, 0.5))) == pytest.approx(2 + 1.5)
    assert float(perceptual_loss(made, truth, (1.0, 0.5), "squared")) == pytest.approx(4 + 4.5)


def test_there_is_a_weight_for_every_layer():
    with pytest.raises(ValueError, match="2 and 2 layers cannot be compared by 1"):
        perceptual_loss([torch.zeros(1, 1, 1, 1)] * 2, [torch.zeros(1, 1, 1, 1)] * 2, (1.0,))
