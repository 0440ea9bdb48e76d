"""`mien recover` of films; what is done to faces is the library's, and tested there."""

import json
import shlex
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image as Pillow

from mien.cli.film import FILM, seconds
from mien.cli.film_work import alone, clock, key_of, tell_in_lines
from mien.cli.inputs import gather, look_up
from mien.cli.recover import RecoverArguments, make_recover_parser


def picture(index):
    return np.full((48, 64, 3), 40 + 8 * index, np.uint8)


@pytest.fixture
def clip(tmp_path):
    av = pytest.importorskip("av")
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=20)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for index in range(20):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(index), format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture
def gif(tmp_path):
    path = tmp_path / "in.gif"
    first, *others = [Pillow.fromarray(picture(index)) for index in range(5)]
    first.save(path, save_all=True, append_images=others, duration=60, loop=0)
    return path


def test_a_film(mien, clip, tmp_path):
    ran = mien("recover", clip, "-o", tmp_path / "new.mp4", "--report", "-")
    assert ran.status == 0
    assert ran.err.startswith(f"{clip}: 1 face in 20 frames (0:01), identity ")
    told = json.loads(ran.out)
    assert (told["frames"], told["duration"], told["model"]) == (20, 1.0, "restore")
    assert told["faces"][0]["frames"] == 20
    assert set(told["faces"][0]) == {"from", "to", "frames", "identity"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "new.mp4"]


def test_a_part_of_a_film_into_a_folder(mien, clip, tmp_path):
    (tmp_path / "out").mkdir()
    ran = mien("recover", clip, "-o", tmp_path / "out", "--from", "0.5", "--to", "0:00.8", "--no-identity")
    assert ran.status == 0
    assert "1 face in 6 frames" in ran.err
    assert (tmp_path / "out" / "clip.mp4").exists()


def test_what_exists_is_not_replaced(mien, clip, tmp_path):
    ran = mien("recover", clip, "-o", clip)
    assert ran.status == 1
    assert "is the input itself" in ran.err


def test_a_broken_film_among_others(mien, clip, tmp_path):
    broken = tmp_path / "broken.mkv"
    broken.write_text("no film")
    ran = mien("recover", broken, tmp_path / "missing.mp4", clip, "-o", tmp_path / "out")
    assert ran.status == 1
    assert f"{broken}: error: not a film that can be read" in ran.err
    assert "missing.mp4: error: no such file" in ran.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["clip.mp4"]


def test_films_of_a_folder_and_of_a_pattern(mien, clip, tmp_path):
    folder = tmp_path / "in"
    (folder / "b").mkdir(parents=True)
    clip.replace(folder / "b" / "clip.mov")
    (folder / "notes.txt").write_text("no film")
    assert mien("recover", folder, "-o", tmp_path / "out", "--no-identity").status == 0
    assert (tmp_path / "out" / "b" / "clip.mov").exists()
    pattern = folder / "**" / "*.mov"
    assert mien("recover", pattern, "-o", folder / "new", "--no-identity").status == 0
    assert (folder / "new" / "b" / "clip.mov").exists()


@pytest.mark.parametrize("words", [(), ("--from", "1")])
@pytest.mark.parametrize(("name", "reason"), [("*.mp4", "no film fits this pattern"), ("**/*.MOV", None)])
def test_a_pattern_says_by_its_suffix_that_films_are_meant(mien, tmp_path, words, name, reason):
    Pillow.new("RGB", (48, 40)).save(tmp_path / "a.png")
    ran = mien("recover", tmp_path / name, "-o", tmp_path / "out", *words)
    assert ran.status == 1
    assert ran.err == f"{tmp_path / name}: error: {reason or 'no film fits this pattern'}\n"


def test_a_pattern_of_photos_passes_films_over(mien, tmp_path):
    (tmp_path / "clip.mp4").touch()
    ran = mien("recover", tmp_path / "*.png", "-o", tmp_path / "out")
    assert ran.err == f"{tmp_path / '*.png'}: error: no picture fits this pattern\n"


def test_where_there_is_nothing_a_part_is_of_films(mien, tmp_path):
    for word, reason in (
        (tmp_path, "there are no films in this folder"),
        (tmp_path / "*", "no film fits this pattern"),
    ):
        ran = mien("recover", word, "-o", tmp_path / "out", "--to", "2")
        assert ran.err == f"{word}: error: {reason}\n"
        ran = mien("recover", word, "-o", tmp_path / "out")
        assert ran.err == f"{word}: error: {reason.replace('film', 'picture')}\n"


def test_what_fits_nothing_does_not_keep_films_from_being_done(mien, clip, tmp_path):
    nothing = tmp_path / "typo" / "*.mp4", tmp_path / "typo" / "*"
    ran = mien("recover", clip, *nothing, "-o", tmp_path / "out", "--no-identity")
    assert ran.status == 1
    for word in nothing:
        assert f"{word}: error: no film fits this pattern\n" in ran.err
    assert (tmp_path / "out" / "clip.mp4").exists()


def test_folders_of_films_beside_folders_of_photos(mien, tmp_path):
    films, photos = tmp_path / "films", tmp_path / "photos"
    for file in (films / "a.mp4", photos / "a.png", photos / "b.mp4"):
        file.parent.mkdir(exist_ok=True)
        file.touch()
    ran = mien("recover", photos, films, "-o", tmp_path / "out")
    assert ran.status == 2
    said = f"{films} stands for films and {photos} stands for photos: recover films by themselves"
    assert ran.err == f"mien recover: error: {said}\n"
    ran = mien("recover", photos / "a.png", films / "*.mp4", "-o", tmp_path / "out")
    assert f"{films / '*.mp4'} stands for films and {photos / 'a.png'} is none" in ran.err
    assert mien("recover", photos, "-o", tmp_path / "out", "--from", "1").status == 2


@pytest.mark.parametrize("word", ["trip [2020]", "trip [[]2020]/*", "*"])
def test_the_command_for_films_that_were_left_out_finds_them_all(mien, tmp_path, monkeypatch, word):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "trip [2020]"
    for name in ("a.mp4", "it's/b.MOV", "it's/c.mp4"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    for name in ("a.png", "it's/d.png"):
        Pillow.new("RGB", (48, 40)).save(folder / name)
    ran = mien("recover", word, "-o", tmp_path / "out")
    assert ran.status == 0
    line = ran.err.splitlines()[0]
    assert line.startswith(f"{word}: 3 films are left out: ")
    command = shlex.split(line.partition("as in mien recover ")[2])
    assert command[-2:] == ["-o", "OUT"]
    found = gather(look_up(command[:-2], None, (FILM,)), FILM)
    assert not found.problems
    assert {str(film.place) for film in found.inputs} == {"a.mp4", "it's/b.MOV", "it's/c.mp4"}


def test_films_among_photos_are_said(mien, clip, tmp_path):
    Pillow.new("RGB", (48, 40)).save(tmp_path / "a.png")
    ran = mien("recover", tmp_path, "-o", tmp_path / "out")
    assert ran.status == 0
    said = "1 film is left out: recover films by themselves, as in mien recover"
    assert ran.err.startswith(f"{tmp_path}: {said} '{tmp_path / '*.mp4'}' -o OUT\n")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.png"]
    ran = mien("recover", clip, tmp_path, "-o", tmp_path / "out")
    assert ran.status == 2
    assert f"{clip} is a film and {tmp_path} stands for photos: recover films by themselves" in ran.err


def test_moving_pictures(mien, gif, tmp_path):
    ran = mien("recover", gif, "-o", tmp_path / "out.webp")
    assert ran.status == 0
    assert "1 face in 5 frames" in ran.err
    with Pillow.open(tmp_path / "out.webp") as made:
        assert made.n_frames == 5
    ran = mien("recover", gif, "-o", tmp_path / "still.png")
    assert "the first of 5 frames" in ran.err


def test_a_broken_moving_picture_is_told_of_as_a_photo(mien, tmp_path):
    broken = tmp_path / "broken.webp"
    broken.write_bytes(b"RIFF0000WEBPnothing")
    ran = mien("recover", broken, "-o", tmp_path / "new.webp")
    assert ran.status == 1
    assert f"{broken}: error: not a picture of a known format" in ran.err


def test_a_model_that_turns_every_head(mien, gif, studio, tmp_path):
    studio.model = replace(studio.model, keeps_pose=False)
    ran = mien("recover", gif, "-o", tmp_path / "out.webp")
    assert ran.status == 2
    assert "turned faces have no place in their film" in ran.err
    assert not (tmp_path / "out.webp.part").exists()


@pytest.mark.parametrize(("suffix", "scale", "status"), [(".mp4", 1, 1), (".webm", 1, 0), (".mp4", 2, 0)])
def test_a_film_of_odd_sides(mien, tmp_path, suffix, scale, status):
    av = pytest.importorskip("av")
    path = tmp_path / "odd.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=20)
        stream.height, stream.width, stream.pix_fmt = 47, 63, "yuv420p"
        for index in range(3):
            frame = av.VideoFrame.from_ndarray(picture(index)[:47, :63].copy(), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    ran = mien("recover", path, "-o", tmp_path / f"new{suffix}", "--scale", scale)
    assert ran.status == status
    if status:
        assert "63 x 47 pixels cannot be in a .mp4 file; a .webm file can" in ran.err
        assert [path.name for path in tmp_path.iterdir()] == ["odd.mkv"]


def test_a_part_without_frames_leaves_nothing(mien, clip, tmp_path):
    ran = mien("recover", clip, "-o", tmp_path / "out.mp4", "--from", "5")
    assert ran.status == 1
    assert "there are no frames in this part of the film" in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def test_a_damaged_part_and_pictures_too_large_fail_by_themselves(mien, gif, tmp_path):
    part = tmp_path / "out.webp.part"
    part.mkdir()
    words = ("recover", gif, "-o", tmp_path / "out.webp")
    key = key_of(gif, make_recover_parser().parse_args([str(word) for word in words[1:]], RecoverArguments()))
    (part / "settings.json").write_text(key)
    (part / "looks.jsonl").write_text("damaged\n")
    ran = mien(*words)
    assert ran.status == 1
    assert f"{gif}: error: line 1 of {part / 'looks.jsonl'} is damaged" in ran.err
    wide = tmp_path / "wide.gif"
    pages = [Pillow.new("L", (4200, 8), index) for index in (0, 255)]
    pages[0].save(wide, save_all=True, append_images=pages[1:])
    ran = mien("recover", wide, "-o", tmp_path / "wide.webp", "--scale", "4")
    assert ran.status == 1
    assert ran.err.startswith(f"{wide}: error: 16800 x 32 pixels cannot be in a .webp file")
    assert not (tmp_path / "wide.webp.part").exists()


@pytest.mark.parametrize("kind", ["gif", "clip"])
def test_the_limit_of_pixels_holds_for_what_comes_out(mien, tmp_path, kind, request):
    source = request.getfixturevalue(kind)
    ran = mien(
        "recover", source, "-o", tmp_path / f"new{source.suffix}", "--scale", "2", "--max-pixels", "4000"
    )
    assert ran.status == 1
    assert ran.err == f"{source}: error: 2 times 64 x 48 is more than the limit of 4,000 pixels\n"


def test_what_a_link_points_to_is_replaced(mien, gif, tmp_path):
    real, link = tmp_path / "data" / "film", tmp_path / "new.webp"
    real.parent.mkdir()
    link.symlink_to(real)
    assert mien("recover", gif, "-o", link).status == 0
    assert link.is_symlink()
    before = real.stat().st_ino
    assert mien("recover", gif, "-o", link, "--overwrite").status == 0
    assert real.stat().st_ino != before
    assert [path.name for path in real.parent.iterdir()] == ["film"]


def test_two_runs_on_one_film(mien, gif, tmp_path):
    with alone(tmp_path / "out.webp.part"):
        ran = mien("recover", gif, "-o", tmp_path / "out.webp")
    assert ran.status == 1
    assert ran.err == f"{gif}: error: another run is at work on it\n"
    assert mien("recover", gif, "-o", tmp_path / "out.webp").status == 0
    assert not (tmp_path / "out.webp.part").exists()


def test_a_folder_of_that_name_that_is_somebody_s_own(mien, gif, tmp_path):
    mine = tmp_path / "out.webp.part" / "diary.txt"
    mine.parent.mkdir()
    mine.write_text("dear")
    ran = mien("recover", gif, "-o", tmp_path / "out.webp")
    assert ran.status == 1
    assert "is in the way: diary.txt in it is not mien's" in ran.err
    assert mine.read_text() == "dear"


def test_what_a_film_s_parts_depend_on(gif, tmp_path):
    album = tmp_path / "album"
    album.mkdir()
    Pillow.new("RGB", (40, 40)).save(album / "a.png")
    words = [str(gif), "-o", "out.webp", "--reference", str(album)]

    def key(*more):
        return key_of(gif, make_recover_parser().parse_args([*words, *more], RecoverArguments()))

    before = key()
    assert key("--report", "-", "--overwrite") == before
    assert key("--fidelity", "0.5") != before
    Pillow.new("RGB", (40, 40), "red").save(album / "a.png")
    assert key() != before


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["-o", "-"], "a film needs a file"),
        (["-o", "new.png"], "a film is written as .mp4"),
        (["-o", "new.mp4", "--compare", "--aligned"], "--aligned, --compare cannot be had of a film"),
        (["-o", "new.mp4", "--from", "2", "--to", "1"], "--from has to be before --to"),
        (["-o", "new.mp4", "--model", "rotate:r.pt", "--yaw", "0"], "turned faces have no place"),
        (["photo.jpg", "-o", "out"], "clip.mp4 is a film and photo.jpg is none: recover films by themselves"),
        (["-", "-o", "out"], "clip.mp4 is a film and - is none: recover films by themselves"),
        (["-o", "new.mp4", "--only-face"], "--only-face cannot be had of a film"),
    ],
)
def test_what_films_cannot_have(mien, clip, words, reason):
    ran = mien("recover", clip, *words)
    assert ran.status == 2
    assert reason in ran.err


def test_a_photo_has_no_part(mien, tmp_path):
    ran = mien("recover", tmp_path / "a.png", "-o", tmp_path / "b.png", "--from", "1")
    assert ran.status == 2
    assert "--from and --to are for films" in ran.err


def test_the_missing_package_is_named(mien, clip, tmp_path, monkeypatch):
    monkeypatch.setattr("mien.cli.film.find_spec", lambda name: None)
    ran = mien("recover", clip, "-o", tmp_path / "new.mp4")
    assert ran.status == 2
    assert ran.err == "mien recover: error: films need a further package: pip install 'mien[video]'\n"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("90", 90), ("90.5", Fraction(181, 2)), ("1:30", 90), ("01:02:03.5", Fraction(7447, 2))],
)
def test_times(text, wanted):
    assert seconds(text) == wanted


@pytest.mark.parametrize(
    "text", ["", "a", "-1", "1:60", "1:2:3:4", "1e3", "1e999999999", "1:", ".", "1/2", "nan"]
)
def test_no_times(mien, clip, text):
    assert mien("recover", clip, "-o", "new.mp4", f"--from={text}").status == 2


def test_the_time_left_is_said(capsys, monkeypatch):
    now = iter([0.0, 1.0, 10.0, 21.0])
    monkeypatch.setattr("mien.cli.film_work.time.monotonic", lambda: next(now))
    tell = tell_in_lines("clip.mp4")
    for done in (1, 2, 3):
        tell("recover", done, 43)
    assert capsys.readouterr().err == "clip.mp4: recovering, frame 3 of 43, 6:40 left\n"
    assert clock(3723.0) == "1:02:03"
