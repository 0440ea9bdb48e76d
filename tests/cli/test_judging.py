"""What judges: by name, from the package or from a user's files."""

import pytest
import torch

from mien.cli.arguments import UsageError
from mien.cli.judging import load_judges, stand_in
from mien.metrics.perceptual import perceptual_distance
from mien.models.identity.embed import Identifier
from mien.models.identity.network import IdentityConfig, IdentityNetwork
from mien.models.quality.network import SMALL, QualityNetwork
from mien.zoo.files import checksum
from mien.zoo.weights import save_weights

TINY = IdentityConfig(
    stem_channels=4,
    stem_stride=2,
    channels=(4, 6, 8),
    num_blocks=(1, 1, 1),
    embedding_size=8,
    activation="relu",
    dropout=0.0,
)


def test_a_stand_in_for_lpips_says_that_it_is_one():
    torch.manual_seed(0)
    identify = Identifier(IdentityNetwork(TINY), torch.device("cpu"), precision=torch.float32)
    perception = stand_in(identify, "mien identity 12345678")
    assert perception.name == "LPIPS structure over mien identity 12345678, unweighted"
    assert perception.is_stand_in
    pictures = torch.rand(2, 3, 64, 48)
    assert [tuple(seen.shape) for seen in perception.extract(pictures)] == [
        (2, 4, 16, 12),
        (2, 6, 8, 6),
        (2, 8, 4, 3),
    ]
    near, far = (
        perceptual_distance(pictures.lerp(pictures.flip(0), t), pictures, perception) for t in (0.1, 1)
    )
    assert (near > 0).all()
    assert (near < far).all()
    assert perceptual_distance(pictures, pictures, perception).tolist() == [0, 0]


def test_no_network_no_stand_in(studio):
    judges = load_judges("cpu")
    assert judges.perception is None
    assert judges.quality is None
    assert set(judges.backends) == {"niqe", "identity", "degrees"}


def test_face_quality_from_a_file(studio, tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "quality.safetensors"
    save_weights(QualityNetwork(SMALL), path)
    judges = load_judges("cpu", quality=path)
    assert judges.backends["quality"] == f"mien face quality, quality.safetensors {checksum(path)[:8]}"
    assert "quality" in judges.unaided(torch.rand(1, 3, 64, 64))  # of any size
    path.write_bytes(b"none")
    with pytest.raises(UsageError, match="not a whole safetensors file"):
        load_judges("cpu", quality=path)
    with pytest.raises(UsageError, match="No such file"):
        load_judges("cpu", quality=tmp_path / "none")
