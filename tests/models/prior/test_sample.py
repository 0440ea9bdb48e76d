import pytest
import torch

from mien.models.prior.network import Generator, GeneratorConfig, Widths
from mien.models.prior.sample import Sampler

TINY = GeneratorConfig(Widths(16, most=8, budget=64), style_channels=6, num_mapping_layers=2)


def sampler(truncation: float = 0.7) -> Sampler:
    torch.manual_seed(0)
    return Sampler(Generator(TINY), torch.device("cpu"), truncation)


def test_a_face_has_a_number() -> None:
    few, many = sampler().faces(2, seed=0), sampler().faces(10, seed=0)
    assert many.shape == (10, 3, 16, 16)
    torch.testing.assert_close(few, many[:2])
    assert not torch.allclose(few[0], few[1])
    assert not torch.allclose(few, sampler().faces(2, seed=1))


def test_full_truncation_leaves_the_average_face() -> None:
    faces = sampler(0.0).faces(3, seed=0)
    torch.testing.assert_close(faces[0], faces[2])
    near, far = sampler(0.3).faces(1, seed=0), sampler(1.0).faces(1, seed=0)
    assert float((near - faces[:1]).abs().mean()) < float((far - faces[:1]).abs().mean())
    with pytest.raises(ValueError, match="between 0 and 1"):
        sampler(1.5)


def test_ways_begin_at_each_face() -> None:
    way = sampler().between(2, 4, seed=0)
    assert way.shape == (8, 3, 16, 16)
    torch.testing.assert_close(way[[0, 4]], sampler().faces(2, seed=0))
