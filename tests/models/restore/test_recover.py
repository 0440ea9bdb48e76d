from dataclasses import replace

import pytest
import torch

from mien.models.restore.network import RestoreConfig, RestoreNetwork
from mien.models.restore.recover import Restorer, RestoreSettings
from mien.types import Crop

TINY = RestoreConfig(
    image_size=16,
    shrink=2,
    channels=(4, 6),
    num_blocks=(1, 1),
    decoder_channels=(4,),
    num_decoder_blocks=1,
    skips=True,
    residual=True,
)


def restorer(precision: torch.dtype = torch.float32) -> Restorer:
    network = RestoreNetwork(TINY)
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.data.normal_(std=0.1, generator=generator)
    return Restorer(network, settings=RestoreSettings(precision=precision))


def crops(num: int, size: int = 16) -> list[Crop]:
    generator = torch.Generator().manual_seed(1)
    identity = torch.eye(2, 3, dtype=torch.float64)
    return [
        Crop(torch.rand(3, size, size, generator=generator), identity, torch.zeros(5, 2)) for _ in range(num)
    ]


def test_results_do_not_depend_on_the_batch() -> None:
    model, faces = restorer(), crops(5)
    together = model(faces)
    one_by_one = model.with_batch_size(1)(faces)
    for first, second in zip(together, one_by_one, strict=True):
        torch.testing.assert_close(first.pixels, second.pixels)
    assert model([]) == []


def test_fidelity_blends_the_input_in() -> None:
    model, (face,) = restorer(), crops(1)
    recovered = model([face])[0].pixels
    assert torch.equal(model.with_fidelity(1.0)([face])[0].pixels, face.pixels)
    halfway = model.with_fidelity(0.5)([face])[0].pixels
    torch.testing.assert_close(halfway, (recovered + face.pixels) / 2)


def test_what_was_there_is_evidence() -> None:
    recovery = restorer().with_fidelity(1.0)(crops(1))[0]
    torch.testing.assert_close(recovery.evidence, torch.ones(1, 16, 16))
    assert recovery.keeps_pose
    assert float(restorer()(crops(1))[0].evidence.mean()) < 0.99


def test_half_precision_is_close() -> None:
    exact, rough = restorer()(crops(2)), restorer(torch.bfloat16)(crops(2))
    for first, second in zip(exact, rough, strict=True):
        assert float((first.pixels - second.pixels).abs().max()) < 0.05


def test_wrong_sizes_and_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="takes crops of 16 x 16 pixels, got 8 x 8"):
        restorer()(crops(1, size=8))
    with pytest.raises(ValueError, match="between 0 and 1"):
        restorer().with_fidelity(1.5)
    with pytest.raises(ValueError, match="at least 1"):
        replace(RestoreSettings(), batch_size=0)
