from dataclasses import replace

import pytest
import torch

from mien.evaluate.sheets import EvaluationError
from mien.evaluate.wild import evaluate_wild, recover_again
from mien.faces.align import align, detection_of, template_points
from mien.image.io import write_image


@pytest.fixture
def album(tmp_path, picture):
    """Pictures of different sizes, one without a face and one that is none."""
    folder = tmp_path / "wild"
    folder.mkdir()
    for number, side in enumerate((40, 64)):
        write_image(folder / f"{number}.png", picture(number, side))
    write_image(folder / "black.png", torch.zeros(3, 40, 50))
    (folder / "text.png").write_text("no picture")
    return tuple(sorted(folder.iterdir()))


def test_what_is_left_out_is_counted(trial, album):
    found = evaluate_wild(trial(album))
    row = found.row("as it is", "still")
    assert row.score("confidence").count == 2
    assert row.score("identity").value == pytest.approx(1, abs=1e-5)
    assert found.notes == (
        "1 of 4 photos left out, no face was found: black.png",
        "1 of 4 photos left out, not readable: text.png",
    )


def test_a_changed_person_is_seen_and_shown_first(trial, album, mixer):
    found = evaluate_wild(trial(album, {"still": mixer(), "gray": mixer(0.95)}, num_strips=1))
    still, gray = (found.row("as it is", who).score("degrees").value for who in ("still", "gray"))
    assert gray > still + 1
    assert len(found.strips) == 1
    assert found.strips[0].labels[2].startswith("gray · id")


def test_no_face_at_all_is_an_error(trial, album):
    black = tuple(path for path in album if path.name == "black.png")
    with pytest.raises(EvaluationError, match="none of 1 photos has a face"):
        evaluate_wild(trial(black))
    with pytest.raises(EvaluationError, match="detector"):
        evaluate_wild(replace(trial(album), find=None))


def test_a_model_with_another_alignment_gets_its_own(picture, mixer):
    photo = picture(1, 64)
    crop = align(photo, detection_of(template_points("ffhq", 64).float()), "ffhq", 32)
    own, recovery = recover_again(crop, mixer(0.0, 48, "arcface"))
    assert recovery.pixels.shape == (3, 48, 48)
    torch.testing.assert_close(own.points.double(), template_points("arcface", 48), atol=1.5, rtol=0)
    same, _ = recover_again(crop, mixer())
    assert same is crop


def test_a_known_face_has_a_box_of_its_size():
    detection = detection_of(template_points("ffhq", 256).float())
    width, height = (detection.box[2:] - detection.box[:2]).tolist()
    assert width == pytest.approx(height)
    assert width == pytest.approx(2.4 * (371.28 - 240.07) / 2, abs=1)
