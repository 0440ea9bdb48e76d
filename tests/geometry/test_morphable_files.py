from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from mien.geometry.morphable import LinearMorphable, MorphableError, tensors_of
from mien.geometry.morphable_files import read_morphable, save_morphable


def test_a_model_survives_its_file(morphable: LinearMorphable, tmp_path: Path):
    save_morphable(morphable, tmp_path / "face.safetensors")
    again = read_morphable(tmp_path / "face.safetensors")
    for name, tensor in tensors_of(morphable).items():
        torch.testing.assert_close(getattr(again, name), tensor, rtol=1e-3, atol=1e-4)
    assert torch.equal(again.mean, morphable.mean)


def test_it_is_small(morphable: LinearMorphable, tmp_path: Path):
    save_morphable(morphable, tmp_path / "face.safetensors")
    stored = load_file(tmp_path / "face.safetensors")
    assert stored["identity_basis"].dtype == torch.float16
    assert stored["triangles"].dtype == torch.int16


def test_another_file_is_refused(tmp_path: Path):
    save_file({"mean": torch.zeros(3, 3)}, tmp_path / "other.safetensors")
    with pytest.raises(MorphableError, match=r"should hold albedo_basis, .*lacks albedo_basis"):
        read_morphable(tmp_path / "other.safetensors")
    (tmp_path / "text.safetensors").write_text("no")
    with pytest.raises(MorphableError, match="not a whole safetensors file"):
        read_morphable(tmp_path / "text.safetensors")
