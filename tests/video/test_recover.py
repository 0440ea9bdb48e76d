"""Whole films, with a finder and a model that cost nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mien.metrics.temporal import warping_error
from mien.pipeline import RecoverOptions, recover
from mien.video.clip import Clip
from mien.video.film import FilmError
from mien.video.journal import Journal
from mien.video.recover import recover_film


@pytest.fixture
def run(tools, tmp_path):
    """Recovers a film; what came of it, and the frames of the result."""

    def start(path, name="out.mp4", options=None, **other):
        target = tmp_path / name
        journal = Journal(tmp_path / f"{name}.part", "settings")
        used = replace(tools, **other)
        result = recover_film(Clip(path, ".mp4"), target, used, options or RecoverOptions(), journal)
        return result, list(Clip(target, ".mp4").frames()), target

    return start


def middle(image, index):
    """The colour in the middle of the square."""
    return image[:, 32, 24 + index]


def test_the_face_of_a_film_is_recovered(run, save_clip, pictures):
    path = save_clip(pictures[:12])
    result, frames, target = run(path)
    assert (result.num_frames, result.is_copy) == (12, False)
    assert result.seconds == pytest.approx(0.48)
    (face,) = result.faces
    assert (face.first, face.last, face.num_frames, face.identity) == (0.0, pytest.approx(0.44), 12, None)
    assert len(frames) == 12
    for index in range(12):
        red, green, _ = middle(frames[index].image, index)
        assert green > 0.7 > 0.3 > red
    assert not (target.parent / "out.mp4.part").exists()


def test_what_is_no_face_stays(run, save_clip, pictures):
    path = save_clip(pictures[:4])
    _, frames, _ = run(path)
    before = next(iter(Clip(path, ".mp4").frames())).image
    assert (frames[0].image - before)[:, :, 80:].abs().mean() < 0.01


def test_noise_of_a_model_does_not_flicker(run, save_clip, pictures, noisy_tools):
    path = save_clip(pictures[:14])
    _, frames, _ = run(path, model=noisy_tools.model)
    alone = [
        recover(frame.image, noisy_tools.model, None, noisy_tools.find).photo
        for frame in Clip(path, ".mp4").frames()
    ]

    def flicker(images):
        # the square goes one pixel to the right from frame to frame
        faces = torch.stack([image[:, 22:42, 14 + t : 34 + t] for t, image in enumerate(images)])
        seen = torch.ones(len(faces) - 1, 1, 20, 20)
        return warping_error(faces[:-1], faces[1:], torch.zeros(len(faces) - 1, 2, 20, 20), seen)

    assert flicker([frame.image for frame in frames]) < flicker(alone) / 4


def test_a_film_without_faces_is_copied(run, save_clip, pictures, tmp_path):
    path = save_clip(pictures[:4])
    result, _, target = run(path, find=lambda image: [])
    assert result.is_copy
    assert target.read_bytes() == path.read_bytes()
    result, frames, _ = run(path, "large.mp4", RecoverOptions(scale=2), find=lambda image: [])
    assert not result.is_copy
    assert frames[0].image.shape == (3, 128, 192)


def test_a_face_that_is_missed_now_and_then(run, save_clip, pictures, tools):
    calls = iter(range(1000))
    result, frames, _ = run(
        save_clip(pictures[:14]), find=lambda image: [] if next(calls) in (5, 6, 11) else tools.find(image)
    )
    assert result.faces[0].num_frames == 14
    assert all(middle(frame.image, t)[1] > 0.7 for t, frame in enumerate(frames))


def test_scenes_do_not_mix(run, save_clip, pictures):
    other = [np.ascontiguousarray(255 - picture[:, ::-1]) for picture in pictures]
    result, frames, _ = run(save_clip(pictures[:12] + other[12:]))
    assert [(face.num_frames) for face in result.faces] == [12]
    assert (frames[11].image - frames[10].image).abs().mean() < 0.05


def test_identity_decides_whether_a_face_is_shown(run, save_clip, pictures):
    def strangers(faces):
        # by the amount of green
        return torch.nn.functional.one_hot((faces[:, 1].mean((1, 2)) > 0.4).long(), 2).float()

    path = save_clip(pictures[:8])
    result, frames, _ = run(path, options=RecoverOptions(min_identity=0.5), identify=strangers)
    assert result.faces[0].identity == 0.0
    assert middle(frames[3].image, 3)[0] > 0.7
    result, frames, _ = run(path, "b.mp4", RecoverOptions(identity=True))
    assert result.faces[0].identity == 1.0
    assert middle(frames[3].image, 3)[0] < 0.3


def test_faces_alone_cannot_be_pasted(run, save_clip, pictures, tmp_path):
    with pytest.raises(FilmError, match="faces alone"):
        run(save_clip(pictures[:4]), options=RecoverOptions(only_face=True))
    assert not (tmp_path / "out.mp4").exists()


def test_turned_faces_have_no_place(run, save_clip, pictures, tools):
    with pytest.raises(FilmError, match="--paste"):
        run(save_clip(pictures[:4]), model=replace(tools.model, keeps_pose=False))


class StopError(Exception):
    """In place of a kill."""


def stopping(calls_left):
    """A model's or finder's work, so many times."""
    left = iter(range(calls_left))

    def count():
        if next(left, None) is None:
            raise StopError

    return count


def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(run, save_clip, pictures, noisy_tools):
    # long enough for three segments of two seconds
    path = save_clip([pictures[t % 24] for t in range(33)], times=[9000 * t for t in range(33)])
    _, _, undisturbed = run(path, model=noisy_tools.model)

    class Model(type(noisy_tools.model)):
        def __call__(self, crops):
            think()
            return super().__call__(crops)

    def find(image):
        look()
        return noisy_tools.find(image)

    for finds, models in ((15, 9), (60, 1), (60, 2)):
        look, think = stopping(finds), stopping(models)
        with pytest.raises(StopError):
            run(path, "again.mp4", find=find, model=Model(grain=0.1))
    _, _, again = run(path, "again.mp4", model=noisy_tools.model)
    assert again.read_bytes() == undisturbed.read_bytes()
