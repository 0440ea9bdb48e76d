"""RAF-DB as it is handed out: seven expressions, and the lists of its covered and turned test faces."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LABELS = Path("EmoLabel") / "list_patition_label.txt"
"""As the set itself spells it."""
PICTURES = Path("Image") / "aligned"
EXPRESSIONS = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
"""Labels 1 to 7."""


class ExpressionsError(ValueError):
    """A folder or list that is not laid out as RAF-DB's."""


@dataclass(frozen=True)
class LabelledFace:
    """A picture and the number of its expression, from 0."""

    path: Path
    expression: int


@dataclass(frozen=True)
class Expressions:
    """All faces."""

    train: tuple[LabelledFace, ...]
    test: tuple[LabelledFace, ...]
    subsets: Mapping[str, tuple[int, ...]]
    """Numbers of test faces, by the name of the list they were named in: occlusion, pose."""


def read_rafdb(folder: Path, lists: tuple[Path, ...] = ()) -> Expressions:
    """The folder `basic`; lists name test faces by the first word of each line."""
    labels = folder / LABELS
    if not labels.is_file():
        raise ExpressionsError(f"{folder} is not laid out as RAF-DB's `basic`: there is no {LABELS}")
    train, test = [], []
    for number, line in enumerate(labels.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        name, label = parse(line, f"{labels}:{number}")
        face = LabelledFace(picture_of(folder, name), label - 1)
        (train if name.startswith("train") else test).append(face)
    if not train or not test:
        raise ExpressionsError(f"{labels} names {len(train)} faces to train on and {len(test)} to test on")
    numbers = {plain(face.path.name): index for index, face in enumerate(test)}
    return Expressions(tuple(train), tuple(test), {path.stem: subset(path, numbers) for path in lists})


def parse(line: str, place: str) -> tuple[str, int]:
    """A name and a label."""
    words = line.split()
    if len(words) != 2 or not words[1].isdigit() or not 1 <= int(words[1]) <= len(EXPRESSIONS):
        raise ExpressionsError(f"{place}: wanted a name and a label from 1 to 7, got {line.strip()!r}")
    return words[0], int(words[1])


def picture_of(folder: Path, name: str) -> Path:
    """The aligned picture of a name in the list."""
    path = folder / PICTURES / f"{Path(name).stem}_aligned{Path(name).suffix}"
    if not path.is_file():
        raise ExpressionsError(f"{name} is in the list, but there is no {path}")
    return path


def plain(name: str) -> str:
    """Without suffix and without `_aligned`, which lists have or have not."""
    return Path(name).stem.removesuffix("_aligned")


def subset(path: Path, numbers: Mapping[str, int]) -> tuple[int, ...]:
    """Which test faces a list names."""
    names = [plain(line.split()[0]) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    unknown = [name for name in names if name not in numbers]
    if unknown or not names:
        raise ExpressionsError(
            f"{path}: {len(unknown)} of {len(names)} names are no test faces: {unknown[:3]}"
        )
    return tuple(numbers[name] for name in names)
