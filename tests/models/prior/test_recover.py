from dataclasses import replace

import pytest
import torch
from torch import nn

from mien.models.prior.codec import PriorConfig, PriorNetwork
from mien.models.prior.network import GeneratorConfig, Widths
from mien.models.prior.recover import PriorRestorer, PriorSettings
from mien.types import Crop, Recoverer

SIDE = 32
TINY = PriorConfig(GeneratorConfig(Widths(SIDE, most=8, budget=128), style_channels=6, num_mapping_layers=2))


def restorer(precision: torch.dtype = torch.float32, config: PriorConfig = TINY) -> PriorRestorer:
    torch.manual_seed(0)
    network = PriorNetwork(config)
    for name, parameter in network.named_parameters():
        if name.endswith("noise_weight"):
            nn.init.constant_(parameter, 0.1)
    return PriorRestorer(network, settings=PriorSettings(precision=precision))


def crops(num: int, size: int = SIDE) -> list[Crop]:
    generator = torch.Generator().manual_seed(1)
    identity = torch.eye(2, 3, dtype=torch.float64)
    return [
        Crop(torch.rand(3, size, size, generator=generator), identity, torch.zeros(5, 2)) for _ in range(num)
    ]


def test_results_do_not_depend_on_the_batch() -> None:
    model, faces = restorer(), crops(3)
    assert isinstance(model, Recoverer)
    together, one_by_one = model(faces), model.with_batch_size(1)(faces)
    for first, second in zip(together, one_by_one, strict=True):
        torch.testing.assert_close(first.pixels, second.pixels)
        assert first.keeps_pose
        assert first.evidence.shape == (1, SIDE, SIDE)
    assert model([]) == []


def test_fidelity_goes_from_the_prior_s_picture_to_the_codec_s() -> None:
    model, (face,) = restorer(), crops(1)
    prior, codec = model([face])[0].pixels, model.with_fidelity(1.0)([face])[0].pixels
    with torch.no_grad():
        made, pyramid = model.network(2 * face.pixels[None] - 1)
    torch.testing.assert_close(prior, ((made[0] + 1) / 2).clamp(0, 1))
    torch.testing.assert_close(codec, ((pyramid[-1][0] + 1) / 2).clamp(0, 1))
    torch.testing.assert_close(model.with_fidelity(0.5)([face])[0].pixels, (prior + codec) / 2)


def test_other_answers_differ_and_are_always_the_same() -> None:
    model, (face,) = restorer(), crops(1)
    answers = [model.with_variant(number)([face])[0].pixels for number in range(3)]
    assert torch.equal(answers[0], model([face])[0].pixels)
    assert not torch.allclose(answers[0], answers[1])
    assert not torch.allclose(answers[1], answers[2])
    assert torch.equal(answers[2], model.with_variant(2)([face])[0].pixels)
    assert not torch.allclose(model.with_variant(2, seed=1)([face])[0].pixels, answers[2])
    still = model.with_settings(replace(model.settings, variant=2, freedom=0.0))
    torch.testing.assert_close(still([face])[0].pixels, answers[0])


@pytest.mark.parametrize("variant", [0, 1])
def test_half_precision_is_close(variant: int) -> None:
    models = (restorer(precision).with_variant(variant) for precision in (torch.float32, torch.bfloat16))
    exact, rough = (model(crops(2)) for model in models)
    for first, second in zip(exact, rough, strict=True):
        assert float((first.pixels - second.pixels).abs().mean()) < 0.02


def test_wrong_sizes_and_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="takes crops of 32 x 32 pixels, got 8 x 8"):
        restorer()(crops(1, size=8))
    with pytest.raises(ValueError, match="between 0 and 1"):
        restorer().with_fidelity(1.5)
    with pytest.raises(ValueError, match="at least 1"):
        replace(PriorSettings(), batch_size=0)
    with pytest.raises(ValueError, match="count from 0"):
        restorer().with_variant(-1)
    with pytest.raises(ValueError, match="no decoder"):
        restorer(config=replace(TINY, decodes=False)).with_fidelity(0.5)
