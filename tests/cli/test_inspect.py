import json

import torch

from mien.cli import inspect as command
from mien.cli.main import main
from mien.image.io import Photo, encode_photo
from mien.image.mark import FaceMark, Mark, marked
from mien.video.made import film_of

MARK = Mark("0.1.0", "restore", 1, (FaceMark((1, 2, 30, 40), 0.41, 0.83),))


def write(path, mark):
    content = encode_photo(Photo(torch.rand(3, 8, 8)), "PNG")
    path.write_bytes(marked(content, mark))


def test_marks_are_read_back(tmp_path, capsys):
    write(tmp_path / "a.png", MARK)
    write(tmp_path / "b.png", None)
    assert main(["inspect", str(tmp_path)]) == 0
    first, face, second = capsys.readouterr().out.splitlines()
    assert first == f"{tmp_path}/a.png: 1 face recovered by mien 0.1.0 with restore"
    assert face == "  face at 1 2 30 40: 41% seen, identity 0.83"
    assert second == f"{tmp_path}/b.png: no mark of mien"


def test_as_json(tmp_path, capsys):
    write(tmp_path / "a.png", MARK)
    (tmp_path / "text.png").write_text("no picture")
    assert main(["inspect", str(tmp_path), "--json", "-"]) == 1
    said = capsys.readouterr()
    entry, problem = json.loads(said.out)
    assert entry["source_type"].endswith("compositeWithTrainedAlgorithmicMedia")
    assert entry["runs"] == [
        {
            "version": "0.1.0",
            "model": "restore",
            "num_faces": 1,
            "faces": [{"box": [1, 2, 30, 40], "evidence": 0.41, "identity": 0.83}],
        }
    ]
    assert "is no film, PNG" in problem["error"]
    assert "text.png" in said.err


def test_films_are_read_by_their_comment(tmp_path, capsys):
    frames = [torch.rand(3, 16, 16)] * 2
    for suffix in (".mp4", ".mkv"):
        path = tmp_path / f"a{suffix}"
        path.write_bytes(film_of(frames, 0.2, suffix, mark=MARK))
        assert main(["inspect", str(path)]) == 0
        said = capsys.readouterr().out
        assert said == f"{path}: 1 face recovered by mien 0.1.0 with restore\n"
    path.write_bytes(film_of(frames, 0.2, ".mkv"))
    assert main(["inspect", str(path)]) == 0
    assert "no mark of mien" in capsys.readouterr().out


def test_films_that_cannot_be_read(tmp_path, capsys, monkeypatch):
    path = tmp_path / "a.mp4"
    path.write_text("no film")
    assert main(["inspect", str(path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    assert main(["inspect", str(path)]) == 1
    said = capsys.readouterr().err
    assert "pip install 'mien[video]'" in said
    assert said.count("\n") == 1


def test_names_that_could_play_with_a_terminal_do_not(tmp_path, capsys):
    write(tmp_path / "a.png", Mark("1\x1b[2J", "restore", 0, ()))
    assert main(["inspect", str(tmp_path / "a.png")]) == 0
    assert "\x1b" not in capsys.readouterr().out
