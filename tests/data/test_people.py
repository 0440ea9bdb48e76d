from pathlib import Path

import numpy as np
import pytest
import torch

from mien.data.people import NOBODY, PackedPeople, pack_people, person_of, same_and_different
from mien.image.io import write_image
from mien.types import Image


def cut(photo: Image) -> Image | None:
    """The whole photo, where it is not black."""
    return photo if bool(photo.any()) else None


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, ...]:
    """Anna twice, in two places; Bob three times; a black picture of his; two of nobody."""
    places = {
        "first/anna/1.png": 0.2,
        "first/bob/1.png": 0.3,
        "first/bob/2.png": 0.4,
        "first/bob/3.png": 0.5,
        "first/bob/4.png": 0.0,
        "second/anna/1.png": 0.6,
        "second/x.png": 0.7,
        "second/y.png": 0.8,
    }
    for place, level in places.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        write_image(tmp_path / place, torch.full((3, 8, 8), level))
    (tmp_path / "first" / "bob" / "5.png").write_text("broken")
    return tmp_path / "first", tmp_path / "second"


def test_folders_are_people(folders: tuple[Path, ...]) -> None:
    assert person_of(folders[0] / "anna" / "1.png", folders) == "anna"
    assert person_of(folders[1] / "x.png", folders) == ""


def test_faces_are_packed_with_their_people(folders: tuple[Path, ...], tmp_path: Path) -> None:
    assert pack_people(folders, cut, tmp_path / "packed") == 7
    packed = PackedPeople.open(tmp_path / "packed")
    assert packed.people.tolist() == [0, 1, 1, 1, 0, NOBODY, NOBODY]
    assert packed.num_people == 2
    levels = (packed.faces([0, 4])[:, 0, 0, 0].double() / 255).tolist()
    assert levels == pytest.approx([0.2, 0.6], abs=0.01)


def test_held_out_people_are_whole(folders: tuple[Path, ...], tmp_path: Path) -> None:
    pack_people(folders, cut, tmp_path / "packed")
    training, held_out = PackedPeople.open(tmp_path / "packed").split(2)
    assert training.people.tolist() == [0, 0, NOBODY, NOBODY]
    assert held_out.people.tolist() == [0, 0, 0]
    assert held_out.rows.tolist() == [1, 2, 3]
    batch = training.batch([0, 3], [1, 2])
    assert batch.people.tolist() == [0, NOBODY]
    assert torch.equal(batch.partners, training.faces([1, 2]))


def test_photos_without_a_face_are_an_error(folders: tuple[Path, ...], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no face in any picture"):
        pack_people(folders, lambda photo: None, tmp_path / "packed")


def test_pairs_are_what_they_say() -> None:
    people = torch.from_numpy(np.repeat(np.arange(5), [1, 2, 3, 4, 5]))
    same, different = same_and_different(people, 3, torch.Generator().manual_seed(0))
    assert len(same) == 0 + 1 + 3 + 3 + 3
    assert len(different) == len(same)
    assert bool((people[same[:, 0]] == people[same[:, 1]]).all())
    assert bool((people[different[:, 0]] != people[different[:, 1]]).all())
    assert bool((same[:, 0] != same[:, 1]).all())


def test_pairs_of_two_people_may_not_run_short() -> None:
    people = torch.tensor([0] * 400 + [1])
    with pytest.raises(ValueError, match="too many pictures"):
        same_and_different(people, 300, torch.Generator().manual_seed(0))


def test_pairs_need_two_of_one_and_one_of_another() -> None:
    generator = torch.Generator().manual_seed(0)
    for people in ([0, 1, 2], [0, 0]):
        with pytest.raises(ValueError, match="two pictures of one person"):
            same_and_different(torch.tensor(people), 3, generator)
