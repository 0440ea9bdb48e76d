"""Multi-PIE as MDFR uses it (section 4.1): the lists of both settings, from a user's own file names.

The database cannot be passed on. Its pictures are called `SSS_N_RR_CCC_II.png`: subject, session, recording
(01 is the neutral one), camera and illumination.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mien.data.photos import find_photos

NAME = re.compile(
    r"(?P<subject>\d{3})_(?P<session>\d{2})_(?P<recording>\d{2})_(?P<camera>\d{3})_(?P<light>\d{2})"
)

YAW_OF_CAMERA = {
    "110": -90,
    "120": -75,
    "090": -60,
    "080": -45,
    "130": -30,
    "140": -15,
    "051": 0,
    "050": 15,
    "041": 30,
    "190": 45,
    "200": 60,
    "010": 75,
    "240": 90,
}
"""Degrees, by the cameras at the height of the head; the two above it (081 and 191) are not used."""
NEUTRAL = "01"
FRONTAL_LIGHT = "07"
"""The flash behind the frontal camera, by which a neutral gallery picture is lit."""


@dataclass(frozen=True)
class Shot:
    """One picture, by its name."""

    path: Path
    subject: int
    session: str
    recording: str
    yaw: int
    light: str

    @property
    def moment(self) -> tuple[int, str, str, str]:
        """What pictures of other cameras share that were taken in the same instant."""
        return self.subject, self.session, self.recording, self.light


@dataclass(frozen=True)
class Setting:
    """One of the paper's two splits."""

    sessions: tuple[str, ...]
    neutral_alone: bool
    num_training: int
    """Of the subjects, in the order of their numbers."""


SETTING_1 = Setting(sessions=("01",), neutral_alone=False, num_training=150)
SETTING_2 = Setting(sessions=("01", "02", "03", "04"), neutral_alone=True, num_training=200)


@dataclass(frozen=True)
class Lists:
    """What a setting trains and is tested on."""

    pairs: tuple[tuple[Path, Path], ...]
    """To train on: a picture, and the frontal one of the same instant."""
    gallery: tuple[Shot, ...]
    """One frontal picture of each other subject."""
    probes: tuple[Shot, ...]
    """All other pictures of them."""


def read_shot(path: Path) -> Shot | None:
    """What a name says; None for files that are called otherwise, and for the cameras that are not used."""
    found = NAME.fullmatch(path.stem)
    if found is None or found["camera"] not in YAW_OF_CAMERA:
        return None
    yaw = YAW_OF_CAMERA[found["camera"]]
    return Shot(path, int(found["subject"]), found["session"], found["recording"], yaw, found["light"])


def find_shots(folder: Path) -> list[Shot]:
    """All pictures of Multi-PIE below a folder, sorted."""
    shots = [shot for path in find_photos((folder,)) if (shot := read_shot(path)) is not None]
    if not shots:
        raise ValueError(f"no picture below {folder} is named as in Multi-PIE: 001_01_01_051_07.png")
    return shots


def make_lists(shots: Iterable[Shot], setting: Setting) -> Lists:
    """Training pairs, gallery and probes, as the setting wants them."""
    wanted = [
        shot
        for shot in shots
        if shot.session in setting.sessions and (shot.recording == NEUTRAL or not setting.neutral_alone)
    ]
    subjects = sorted({shot.subject for shot in wanted})
    learned = set(subjects[: setting.num_training])
    frontal = {shot.moment: shot.path for shot in wanted if shot.yaw == 0}
    pairs = tuple(
        (shot.path, frontal[shot.moment])
        for shot in wanted
        if shot.subject in learned and shot.moment in frontal
    )
    others = [shot for shot in wanted if shot.subject not in learned]
    gallery = choose_gallery(others)
    held = {shot.path for shot in gallery}
    return Lists(pairs, gallery, tuple(shot for shot in others if shot.path not in held))


def choose_gallery(shots: list[Shot]) -> tuple[Shot, ...]:
    """Each subject's frontal, neutral, evenly lit picture of the first session it came to."""
    chosen: dict[int, Shot] = {}
    for shot in sorted(shots, key=lambda shot: (shot.session, str(shot.path))):
        if shot.yaw == 0 and shot.recording == NEUTRAL and shot.light == FRONTAL_LIGHT:
            chosen.setdefault(shot.subject, shot)
    missing = sorted({shot.subject for shot in shots} - set(chosen))
    if missing:
        raise ValueError(
            f"{len(missing)} subjects have no gallery picture (frontal, neutral, light {FRONTAL_LIGHT}): "
            f"{', '.join(f'{subject:03d}' for subject in missing[:5])}"
        )
    return tuple(chosen[subject] for subject in sorted(chosen))
