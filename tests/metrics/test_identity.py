import pytest
import torch

from mien.metrics.identity import identity_cosine, identity_degrees, mean_degrees


@pytest.mark.parametrize("degrees", [0.0, 1e-3, 30.0, 90.0, 135.0, 180.0])
def test_known_angles_whatever_the_lengths(degrees):
    angle = torch.deg2rad(torch.tensor(degrees, dtype=torch.float64))
    truths = torch.tensor([[2.0, 0.0]], dtype=torch.float64)
    embeddings = 5 * torch.stack((angle.cos(), angle.sin()))[None]
    assert identity_degrees(embeddings, truths).item() == pytest.approx(degrees, rel=1e-9, abs=1e-9)
    assert identity_cosine(embeddings, truths).item() == pytest.approx(angle.cos().item(), abs=1e-12)


def test_one_value_per_face():
    generator = torch.Generator().manual_seed(0)
    embeddings, truths = torch.randn(2, 6, 16, generator=generator)
    cosines = identity_cosine(embeddings, truths)
    assert cosines.shape == (6,)
    torch.testing.assert_close(torch.rad2deg(cosines.acos()), identity_degrees(embeddings, truths))


def test_pairs_too_alike_are_skipped_where_asked():
    degrees = torch.tensor([0.5, 1.0, 30.0])
    assert mean_degrees(degrees).count == 3
    kept = mean_degrees(degrees, skip_below=1.0)
    assert (kept.value, kept.count) == (15.5, 2)
