import io
import pickle

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from mien.evaluate.packs import read_pack
from mien.evaluate.sheets import EvaluationError


def picture(level):
    buffer = io.BytesIO()
    Pillow.new("RGB", (112, 112), (level, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def pictures():
    return [picture(10 * number) for number in range(20)]


def write(path, content, protocol=2):
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pack_of_bytes(tmp_path, pictures, protocol):
    pack = read_pack(write(tmp_path / "lfw.bin", (pictures, [True, False] * 5), protocol))
    assert pack.same.tolist() == [True, False] * 5
    assert pack.folds.tolist() == list(range(10))
    assert (pack.first[1], pack.second[1]) == (2, 3)
    assert pack.portraits[3].read()[0, 0, 0] == pytest.approx(30 / 255)
    assert pack.portraits[3].points.shape == (5, 2)


def test_a_pack_of_arrays(tmp_path, pictures):
    arrays = [np.frombuffer(one, dtype=np.uint8) for one in pictures]
    pack = read_pack(write(tmp_path / "cfp_fp.bin", [arrays, [np.bool_(True)] * 10]))
    assert pack.same.all()
    assert torch.equal(pack.portraits[5].read()[:, 0, 0], torch.tensor([50 / 255, 0, 0]))


def test_old_numpy_s_names_are_known(tmp_path, pictures):
    arrays = [np.frombuffer(one, dtype=np.uint8) for one in pictures]
    content = pickle.dumps([arrays, [True] * 10], protocol=2)
    old = content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    (tmp_path / "old.bin").write_bytes(old)
    assert len(read_pack(tmp_path / "old.bin")) == 10


class Evil:
    def __reduce__(self):
        return (eval, ("1 / 0",))


def test_a_pack_runs_nothing(tmp_path):
    with pytest.raises(EvaluationError, match=r"asks for builtins.eval|asks for __builtin__.eval"):
        read_pack(write(tmp_path / "evil.bin", [Evil(), []]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": 1}, "wanted pictures and answers, got a dict"),
        (([b"x"] * 3, [True]), "3 pictures and 1 answers"),
        ((["text"] * 20, [True] * 10), "must be bytes, not str"),
    ],
)
def test_packs_that_are_wrong(tmp_path, content, message):
    with pytest.raises(EvaluationError, match=message):
        read_pack(write(tmp_path / "x.bin", content))


def test_what_is_no_pickle(tmp_path):
    (tmp_path / "x.bin").write_bytes(b"no pickle")
    with pytest.raises(EvaluationError, match="is no pack of pictures"):
        read_pack(tmp_path / "x.bin")
    with pytest.raises(EvaluationError, match="cannot be read"):
        read_pack(tmp_path / "none.bin")
