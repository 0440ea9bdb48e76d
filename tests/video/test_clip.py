"""Films from file to file, against what FFmpeg's libraries themselves say of them."""

from fractions import Fraction

import av
import numpy as np
import pytest
import torch

from mien.image.mark import Mark
from mien.video.clip import Clip
from mien.video.film import FilmError
from mien.video.read import Window, planar_format
from mien.video.sign import signed
from mien.video.write import rate_factor

UNEVEN = [0, 3600, 5000, 12000, 13000, 20000, 30000, 31000, 36000, 40000, 43000, 47000]


def packets(path, kind):
    with av.open(str(path)) as container:
        stream = next(stream for stream in container.streams if stream.type == kind)
        return [(p.pts, p.dts, p.duration, bytes(p)) for p in container.demux(stream) if p.size]


def frames_of(path):
    with av.open(str(path)) as container:
        return list(container.decode(container.streams.video[0]))


def passed_through(clip, folder, suffix=".mp4", change=0.0, parts=2, mark=None):
    """The film with nothing done to it but being cut in segments, and made brighter."""
    frames = list(clip.frames())
    size = -(-len(frames) // parts)
    segments = []
    for start in range(0, len(frames), size):
        segments.append(folder / f"{start}.nut")
        part = frames[start : start + size]
        clip.write(segments[-1], iter([(frame, (frame.image + change).clamp(0, 1)) for frame in part]))
    ends = [frame.time for frame in frames[1:]] + [frames[-1].time + frames[-1].duration]
    times = [(frame.time, end - frame.time) for frame, end in zip(frames, ends, strict=True)]
    target = folder / f"out{suffix}"
    clip.join(target, segments, times, mark)
    return target


def test_sound_and_frame_times_are_kept(save_clip, pictures, tmp_path):
    path = save_clip(pictures[:12], times=UNEVEN)
    out = passed_through(Clip(path, ".mp4"), tmp_path)
    assert packets(out, "audio") == packets(path, "audio")
    assert [frame.pts for frame in frames_of(out)] == UNEVEN
    assert len(packets(out, "video")) == len(UNEVEN)


def test_the_same_film_is_the_same_bytes(save_clip, pictures, tmp_path):
    path = save_clip(pictures)
    outs = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        outs.append(passed_through(Clip(path, ".mp4"), tmp_path / name).read_bytes())
    assert outs[0] == outs[1]


@pytest.mark.parametrize("color", [(1, 1, 1, 1), (2, 6, 6, 6), (1, 9, 16, 9)])
def test_what_is_said_of_colors_is_kept_and_meant(save_clip, pictures, tmp_path, color):
    path = save_clip(pictures[:3], color=color)
    clip = Clip(path, ".mp4")
    if color[3] != 9:  # of which FFmpeg's own conversion is not exact
        seen = next(iter(clip.frames())).image.permute(1, 2, 0) * 255
        assert (seen - torch.from_numpy(pictures[0]).float()).abs().median() < 4
    out = passed_through(clip, tmp_path)
    first = frames_of(out)[0]
    told = (first.color_range, first.color_primaries, first.color_trc, first.colorspace)
    assert told == color


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_film_is_seen_upright_and_written_as_it_was(save_clip, pictures, tmp_path, degrees):
    path = save_clip(pictures[:4], rotation=degrees)
    clip = Clip(path, ".mp4")
    image = next(iter(clip.frames())).image
    assert image.shape == ((3, 96, 64) if degrees != 180 else (3, 64, 96))
    wanted = np.rot90(pictures[0], degrees // 90)
    assert (image.permute(1, 2, 0) * 255 - torch.from_numpy(wanted.copy()).float()).abs().mean() < 6
    out = passed_through(clip, tmp_path)
    assert frames_of(out)[0].rotation == frames_of(path)[0].rotation
    again = next(iter(Clip(out, ".mp4").frames())).image
    assert (again - image).abs().mean() < 0.02


def test_a_change_is_in_the_picture(save_clip, pictures, tmp_path):
    path = save_clip(pictures[:3], sound=False)
    clip = Clip(path, ".mp4", quality=100)
    out = passed_through(clip, tmp_path, change=0.1)
    before, after = next(iter(clip.frames())).image, next(iter(Clip(out, ".mp4").frames())).image
    assert float((after - before).median()) == pytest.approx(0.1, abs=0.02)


def test_a_part_of_a_film(save_clip, pictures, tmp_path):
    path = save_clip(pictures)
    clip = Clip(path, ".mp4", window=Window(Fraction(1, 4), Fraction(3, 4)))
    frames = list(clip.frames())
    assert [frame.time for frame in frames] == [3600 * index for index in range(7, 19)]
    assert clip.num_expected == 12
    out = passed_through(clip, tmp_path)
    assert [frame.pts for frame in frames_of(out)] == [3600 * index for index in range(12)]
    heard, all_heard = packets(out, "audio"), packets(path, "audio")
    contents = [packet[3] for packet in all_heard]
    first = contents.index(heard[0][3])
    assert [packet[3] for packet in heard] == contents[first : first + len(heard)]
    shift = Fraction(all_heard[first][0] - heard[0][0], 16000)
    assert abs(shift - Fraction(7, 25)) < Fraction(1, 8000)


def test_frames_from_one_in_the_middle_are_the_same(save_clip, pictures):
    clip = Clip(save_clip(pictures), ".mp4")
    whole = list(clip.frames())
    later = list(clip.frames(whole[15].time))
    assert [frame.time for frame in later] == [frame.time for frame in whole[15:]]
    assert all(torch.equal(a.image, b.image) for a, b in zip(later, whole[15:], strict=True))


def test_an_enlarged_film(save_clip, pictures, tmp_path):
    clip = Clip(save_clip(pictures[:2]), ".mp4")
    frames = [
        (frame, torch.nn.functional.interpolate(frame.image[None], scale_factor=2)[0])
        for frame in clip.frames()
    ]
    clip.write(tmp_path / "a.nut", iter(frames))
    assert frames_of(tmp_path / "a.nut")[0].width == 192


@pytest.mark.parametrize("suffix", [".mov", ".mkv"])
def test_other_files(save_clip, pictures, tmp_path, suffix):
    path = save_clip(pictures[:6])
    out = passed_through(Clip(path, suffix), tmp_path, suffix)
    assert [p[3] for p in packets(out, "audio")] == [p[3] for p in packets(path, "audio")]
    assert len(frames_of(out)) == 6


def test_webm_has_its_own_pictures_and_no_such_sound(save_clip, pictures, tmp_path):
    with pytest.raises(FilmError, match=r"cannot hold its sound \(aac\)"):
        Clip(save_clip(pictures[:3]), ".webm")
    clip = Clip(save_clip(pictures[:3], name="quiet.mp4", sound=False), ".webm")
    out = passed_through(clip, tmp_path, ".webm", parts=1)
    assert frames_of(out)[0].width == 96


def test_what_was_done_is_said_in_the_file(save_clip, pictures, tmp_path):
    clip = Clip(save_clip(pictures[:2]), ".mp4")
    out = passed_through(clip, tmp_path, mark=Mark("1.0", "restore", 2, ()))
    with av.open(str(out)) as container:
        comment = container.metadata["comment"]
    assert comment.startswith("2 faces recovered by mien 1.0, model restore (http")
    assert signed("mine", Mark("1.0", "restore", 1, ())).startswith("mine\n1 face recovered")


def test_what_is_no_film(tmp_path):
    path = tmp_path / "film.mp4"
    path.write_text("no film")
    with pytest.raises(FilmError, match="not a film that can be read"):
        Clip(path, ".mp4")
    with pytest.raises(FilmError, match="not a film that can be read"):
        Clip(tmp_path / "missing.mp4", ".mp4")
    with pytest.raises(FilmError, match="written as"):
        Clip(path, ".avi")


def test_too_many_pixels(save_clip, pictures):
    with pytest.raises(FilmError, match="96 x 64 pixels, more than the limit"):
        Clip(save_clip(pictures[:2]), ".mp4", max_pixels=1000)


@pytest.mark.parametrize(
    ("name", "planar"),
    [
        ("yuvj420p", "yuv420p"),
        ("nv12", "yuv420p"),
        ("yuv422p", "yuv422p"),
        ("yuv444p", "yuv444p"),
        ("yuv420p10le", "yuv420p10le"),
        ("p010le", "yuv420p10le"),
        ("yuv444p12le", "yuv444p10le"),
        ("rgb24", "yuv444p"),
        ("pal8", "yuv444p"),
        ("gray", "yuv420p"),
    ],
)
def test_formats_are_brought_to_planes(name, planar):
    assert planar_format(av.VideoFormat(name, 64, 64)) == planar


def test_quality_as_the_encoder_counts_it():
    assert [rate_factor(quality) for quality in (100, 95, 50, 1)] == [15, 17, 35, 51]
