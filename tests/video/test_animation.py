import pytest
import torch
from PIL import Image as Pillow

from mien.image.mark import Mark
from mien.video.animation import Animation, count_frames
from mien.video.film import FilmError


@pytest.fixture
def save(tmp_path, pictures):
    def write(name, durations=(40, 80, 120, 40), loop=3, mode="RGB"):
        first, *others = [Pillow.fromarray(p).convert(mode) for p in pictures[: len(durations)]]
        if mode == "RGBA":
            seen = Pillow.linear_gradient("L").resize(first.size).point(lambda v: 255 if v > 60 else 0)
            for page in (first, *others):
                page.putalpha(seen)
        options = {"lossless": True} if name.endswith("webp") else {}
        path = tmp_path / name
        first.save(
            path,
            save_all=True,
            append_images=others,
            duration=list(durations),
            loop=loop,
            disposal=2,
            **options,
        )
        return path

    return write


def durations_of(path):
    with Pillow.open(path) as picture:
        found = []
        for index in range(picture.n_frames):
            picture.seek(index)
            picture.load()
            found.append(picture.info["duration"])
        return found, picture.info.get("loop")


def passed_through(film, folder, change=0.0, mark=None):
    frames = list(film.frames())
    segments = [folder / "a.tif", folder / "b.tif"]
    for path, part in zip(segments, (frames[:3], frames[3:]), strict=True):
        film.write(path, iter([(frame, (frame.image + change).clamp(0, 1)) for frame in part]))
    target = folder / f"out{film.suffix}"
    film.join(target, segments, [(frame.time, frame.duration) for frame in frames], mark)
    return target


@pytest.mark.parametrize("source", [".gif", ".webp"])
@pytest.mark.parametrize("target", [".gif", ".webp"])
def test_times_and_loops_are_kept(save, tmp_path, source, target):
    film = Animation(save(f"in{source}"), target, quality=90)
    assert [frame.time for frame in film.frames()] == [0, 40, 120, 240]
    assert film.num_expected == 4
    out = passed_through(film, tmp_path, change=0.05)
    assert durations_of(out) == ([40, 80, 120, 40], 3)
    before, after = (list(Animation(path, target).frames()) for path in (film.path, out))
    for one, other in zip(before, after, strict=True):
        assert float((other.image - one.image).mean()) == pytest.approx(0.05, abs=0.02)


def test_a_gif_that_plays_once(save, tmp_path):
    path = save("in.gif", loop=None) if False else save("in.gif")
    film = Animation(path, ".gif")
    film.loop = None
    assert durations_of(passed_through(film, tmp_path))[1] is None


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_transparency_is_kept(save, tmp_path, suffix):
    film = Animation(save(f"in{suffix}", mode="RGBA"), suffix)
    before = next(iter(film.frames())).stored[3] > 128
    assert before.any()
    assert not before.all()
    out = Animation(passed_through(film, tmp_path), suffix)
    for frame in out.frames():
        assert torch.equal(frame.stored[3] > 128, before)


def test_a_webp_says_what_was_done(save, tmp_path):
    film = Animation(save("in.webp"), ".webp")
    out = passed_through(film, tmp_path, mark=Mark("1.0", "restore", 2, ()))
    assert b"compositeWithTrainedAlgorithmicMedia" in out.read_bytes()
    assert durations_of(out) == ([40, 80, 120, 40], 3)


def test_frames_from_one_in_the_middle(save):
    film = Animation(save("in.gif"), ".gif")
    assert [frame.time for frame in film.frames(120)] == [120, 240]


def test_hasty_frames_are_shown_as_long_as_viewers_do(save):
    film = Animation(save("in.gif", durations=(0, 10, 50)), ".gif")
    assert [frame.time for frame in film.frames()] == [0, 100, 200]


def test_what_does_not_move_and_what_cannot_be_written(save, tmp_path):
    path = save("in.gif", durations=(40,))
    assert count_frames(path) == 1
    with pytest.raises(FilmError, match="written as"):
        Animation(path, ".mp4")
    with pytest.raises(FilmError, match="more than the limit"):
        Animation(path, ".gif", max_pixels=10)
