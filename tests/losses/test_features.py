from pathlib import Path

import torch
from torch import nn

from mien.losses.features import feature_distance, load_features


def test_distance_is_the_mean_of_squares() -> None:
    first, second = torch.zeros(2, 3, 4, 4), torch.full((2, 3, 4, 4), 0.5)
    assert feature_distance(first, second) == 0.25


def test_a_network_from_a_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU()).eval()
    pictures = torch.rand(2, 3, 8, 8)
    torch.export.save(torch.export.export(network, (pictures,)), tmp_path / "features.pt2")
    describe = load_features(tmp_path / "features.pt2", torch.device("cpu"))
    torch.testing.assert_close(describe(pictures), network(pictures))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert describe(pictures).dtype == torch.float32
