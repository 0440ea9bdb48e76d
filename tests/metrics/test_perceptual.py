import numpy as np
import pytest
import torch

from mien.metrics.perceptual import Perception, perceptual_distance


def two_maps(images):
    return [images, torch.nn.functional.avg_pool2d(images, 2) ** 2]


@pytest.fixture
def pair():
    generator = torch.Generator().manual_seed(0)
    return torch.rand(3, 3, 8, 6, generator=generator), torch.rand(3, 3, 8, 6, generator=generator)


def by_loops(images, truths, heads):
    values = []
    for image, truth in zip(images, truths, strict=True):
        total = 0.0
        for a, b, head in zip(two_maps(image[None]), two_maps(truth[None]), heads, strict=True):
            a, b = a[0].double().numpy(), b[0].double().numpy()
            pixels = [
                (
                    head
                    * (a[:, y, x] / np.linalg.norm(a[:, y, x]) - b[:, y, x] / np.linalg.norm(b[:, y, x])) ** 2
                )
                for y in range(a.shape[1])
                for x in range(a.shape[2])
            ]
            total += np.mean(np.sum(pixels, axis=1))
        values.append(total)
    return values


def test_equals_the_plain_loops(pair):
    heads = (torch.tensor([0.5, 0.0, 2.0]), torch.tensor([1.0, 3.0, 0.1]))
    found = perceptual_distance(*pair, Perception("test", two_maps, heads))
    assert found.tolist() == pytest.approx(by_loops(*pair, [head.numpy() for head in heads]), rel=1e-5)


def test_a_stand_in_counts_every_channel_the_same(pair):
    found = perceptual_distance(*pair, Perception("stand-in", two_maps))
    assert found.tolist() == pytest.approx(by_loops(*pair, [1.0, 1.0]), rel=1e-5)


def test_no_distance_to_itself_and_none_where_nothing_is_seen(pair):
    images, _ = pair
    perception = Perception("test", two_maps)
    assert perceptual_distance(images, images, perception).tolist() == [0, 0, 0]
    dark = torch.zeros(1, 3, 8, 6)
    assert perceptual_distance(dark, dark, perception).tolist() == [0]


def test_heads_that_cannot_be_are_refused(pair):
    with pytest.raises(ValueError, match="a head is negative"):
        Perception("test", two_maps, (torch.tensor([-1.0]),))
    with pytest.raises(ValueError, match="1 heads for 2 feature maps"):
        perceptual_distance(*pair, Perception("test", two_maps, (torch.ones(3),)))


def test_one_truth_serves_many_pictures(pair):
    images, truths = pair
    perception = Perception("test", two_maps)
    found = perceptual_distance(images, truths[:1], perception)
    assert found.tolist() == pytest.approx(
        perceptual_distance(images, truths[:1].expand_as(images), perception).tolist()
    )
