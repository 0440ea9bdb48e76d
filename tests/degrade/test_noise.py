import pytest
import torch
from scipy import stats

from mien.degrade.noise import add_noise, normal, uniform


def test_normal_and_uniform_are_what_they_say():
    generator = torch.Generator().manual_seed(0)
    assert stats.kstest(normal(generator, 20000).numpy(), "norm").pvalue > 0.01
    assert stats.kstest(uniform(generator, 20000).numpy(), "uniform").pvalue > 0.01


def test_noise_has_each_samples_strength_and_mean():
    images = torch.full((2, 3, 64, 64), 0.5)
    deviation, mean = torch.tensor([0.02, 0.3]), torch.tensor([0.0, -0.1])
    noise = add_noise(images, deviation, torch.Generator().manual_seed(1), mean) - images
    for i in range(2):
        assert noise[i].std().item() == pytest.approx(deviation[i].item(), rel=0.03)
        assert noise[i].mean().item() == pytest.approx(mean[i].item(), abs=0.01)
    channels = torch.corrcoef(noise[0].flatten(1))
    assert channels.fill_diagonal_(0).abs().max() < 0.05


def test_noise_of_strength_0_is_none_and_a_seed_repeats_itself():
    images = torch.rand(2, 3, 8, 9)
    assert torch.equal(add_noise(images, torch.zeros(2), torch.Generator()), images)
    twice = [add_noise(images, torch.ones(2), torch.Generator().manual_seed(5)) for _ in range(2)]
    assert torch.equal(*twice)
