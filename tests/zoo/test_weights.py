from pathlib import Path

import pytest
import torch
from torch import nn

from mien.zoo.files import WeightsError, checked, checksum, find_weights
from mien.zoo.weights import fill, load_packaged, load_tensors, save_weights


@pytest.fixture
def saved(tmp_path: Path) -> tuple[nn.Linear, Path, str]:
    network = nn.Linear(3, 2)
    path = tmp_path / "linear.safetensors"
    return network, path, save_weights(network, path)


def test_what_was_saved_is_loaded_in_float32(saved: tuple[nn.Linear, Path, str]) -> None:
    network, path, sha256 = saved
    other = nn.Linear(3, 2)
    assert sha256 == checksum(path)
    fill(other, load_tensors(path), path)
    torch.testing.assert_close(other.weight, network.weight, atol=1e-3, rtol=1e-3)
    assert other.weight.dtype == torch.float32


def test_a_changed_file_is_refused(
    saved: tuple[nn.Linear, Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, path, sha256 = saved
    monkeypatch.setattr("mien.zoo.files.PACKAGED", path.parent)
    assert checked(path.name, sha256) == path
    with pytest.raises(WeightsError, match="damaged or was replaced"):
        checked(path.name, "0" * 64)


@pytest.mark.parametrize("content", [b"", b"text", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_a_broken_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"broken\.safetensors") as caught:
        fill(nn.Linear(3, 2), load_tensors(path), path)
    assert "\n" not in str(caught.value)


def test_a_truncated_file_is_refused(saved: tuple[nn.Linear, Path, str]) -> None:
    _, path, _ = saved
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(WeightsError, match="not a whole safetensors file"):
        load_tensors(path)


def test_another_networks_weights_are_refused(saved: tuple[nn.Linear, Path, str]) -> None:
    _, path, _ = saved
    with pytest.raises(WeightsError, match="another network"):
        fill(nn.Linear(4, 2), load_tensors(path), path)


def test_the_users_folder_goes_first(
    saved: tuple[nn.Linear, Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    network, path, _ = saved
    monkeypatch.setenv("MIEN_WEIGHTS", str(path.parent))
    assert find_weights("linear.safetensors") == (path, False)
    other = nn.Linear(3, 2)
    load_packaged(other, "linear.safetensors", "a checksum for the packaged file only")
    torch.testing.assert_close(other.bias, network.bias, atol=1e-3, rtol=1e-3)


def test_a_missing_file_and_a_missing_folder_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIEN_WEIGHTS", str(tmp_path / "nowhere"))
    with pytest.raises(WeightsError, match="nowhere"):
        find_weights("restore.safetensors")
    monkeypatch.delenv("MIEN_WEIGHTS")
    with pytest.raises(WeightsError, match=r"no-such\.safetensors"):
        find_weights("no-such.safetensors")


def test_checksum_is_sha256(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    assert checksum(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
