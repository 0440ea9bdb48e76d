from pathlib import Path

import pytest

from mien.data.multipie import (
    SETTING_1,
    SETTING_2,
    YAW_OF_CAMERA,
    Setting,
    find_shots,
    make_lists,
    read_shot,
)

CAMERAS = ("110", "090", "051", "041", "191")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four subjects; the last one came to the second session only."""
    root = tmp_path_factory.mktemp("multipie")
    for subject, sessions in ((1, "12"), (2, "1"), (5, "12"), (9, "2")):
        for session in sessions:
            place = root / f"session0{session}" / f"{subject:03d}"
            place.mkdir(parents=True)
            for recording in ("01", "02"):
                for camera in CAMERAS:
                    for light in ("07", "13"):
                        name = f"{subject:03d}_0{session}_{recording}_{camera}_{light}.png"
                        (place / name).touch()
    (root / "notes.png").touch()
    return root


def test_a_name_says_all() -> None:
    shot = read_shot(Path("data/042_03_02_190_11.png"))
    assert shot is not None
    assert (shot.subject, shot.session, shot.recording, shot.yaw, shot.light) == (42, "03", "02", 45, "11")
    assert read_shot(Path("042_03_02_191_11.png")) is None
    assert read_shot(Path("portrait.png")) is None


def test_cameras_stand_every_fifteen_degrees() -> None:
    assert sorted(YAW_OF_CAMERA.values()) == list(range(-90, 91, 15))


def test_setting_1_has_one_session_and_all_expressions(folder: Path) -> None:
    small = Setting(SETTING_1.sessions, SETTING_1.neutral_alone, num_training=2)
    lists = make_lists(find_shots(folder), small)
    assert len(lists.pairs) == 2 * 2 * 4 * 2  # subjects, recordings, cameras, lights
    for view, frontal in lists.pairs:
        assert frontal.name[10:13] == "051"
        assert view.name[:9] == frontal.name[:9]
        assert view.name[13:] == frontal.name[13:]
    assert [shot.path.name for shot in lists.gallery] == ["005_01_01_051_07.png"]
    assert len(lists.probes) == 2 * 4 * 2 - 1


def test_setting_2_has_all_sessions_and_neutral_faces(folder: Path) -> None:
    small = Setting(SETTING_2.sessions, SETTING_2.neutral_alone, num_training=1)
    lists = make_lists(find_shots(folder), small)
    assert {shot.recording for shot in (*lists.gallery, *lists.probes)} == {"01"}
    assert [shot.path.name for shot in lists.gallery] == [
        "002_01_01_051_07.png",
        "005_01_01_051_07.png",
        "009_02_01_051_07.png",
    ]
    assert not {shot.path for shot in lists.gallery} & {shot.path for shot in lists.probes}


def test_the_published_numbers_of_subjects() -> None:
    assert (SETTING_1.num_training, SETTING_2.num_training) == (150, 200)


def test_a_subject_without_a_gallery_picture_is_named(folder: Path) -> None:
    shots = [shot for shot in find_shots(folder) if not (shot.subject == 5 and shot.yaw == 0)]
    with pytest.raises(ValueError, match=r"1 subjects have no gallery picture .*005"):
        make_lists(shots, Setting(("01", "02"), True, num_training=0))


def test_other_pictures_are_not_multi_pie(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    with pytest.raises(ValueError, match="named as in Multi-PIE"):
        find_shots(tmp_path)
