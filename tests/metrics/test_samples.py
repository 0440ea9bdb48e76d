import pytest
import torch

from mien.metrics.samples import Embedder, Samples, Spread


def test_an_embedder_signs_its_samples():
    embedder = Embedder("mean colour", lambda images: images.mean(dim=(2, 3)))
    images = torch.rand(5, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    whole = embedder(images)
    parts = embedder(images[:2]) + embedder(images[2:])
    assert (whole.embedder, len(whole)) == ("mean colour", 5)
    torch.testing.assert_close(parts.embeddings, whole.embeddings)


def test_embedders_do_not_mix():
    with pytest.raises(ValueError, match="by a cannot be compared with embeddings by b"):
        Samples("a", torch.zeros(1, 2)) + Samples("b", torch.zeros(1, 2))


def test_broken_embeddings_are_refused():
    with pytest.raises(ValueError, match="by a is not finite"):
        Samples("a", torch.full((1, 2), torch.nan))


def test_a_spread_by_hand():
    assert Spread.of(torch.tensor([1.0, 3.0])) == Spread(2.0, 1.0)
