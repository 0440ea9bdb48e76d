import pytest

from mien.train.files import replaced


def test_an_error_while_writing_leaves_the_old_file(tmp_path):
    path = tmp_path / "new folder" / "file"
    with replaced(path) as file:
        file.write(b"old")

    def fail():
        with replaced(path) as file:
            file.write(b"ne")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]
