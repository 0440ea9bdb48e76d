"""The lists that published verification protocols come as: LFW, CFP-FP, and AgeDB-30 with its likes."""

from pathlib import Path

from mien.evaluate.pairs import NUM_FOLDS, Pair, PairList, pair_list
from mien.evaluate.sheets import EvaluationError
from mien.metrics.verification import contiguous_folds

SUFFIXES = (".jpg", ".png", ".jpeg")


def read_lfw(path: Path, root: Path) -> PairList:
    """`pairs.txt` of LFW's second view: folds and pairs per fold, then `name n m` and `name n other m`."""
    head, *lines = lines_of(path)
    try:
        num_folds, num_each = (int(word) for word in head.split())
    except ValueError:
        raise EvaluationError(
            f"{path}: the first line must be folds and pairs per fold, not {head!r}"
        ) from None
    if len(lines) != 2 * num_folds * num_each:
        raise EvaluationError(
            f"{path}: {num_folds} folds of {num_each} and {num_each} pairs, but {len(lines)} lines"
        )
    pairs = []
    for number, line in enumerate(lines):
        words = line.split("\t") if "\t" in line else line.split()
        fold = number // (2 * num_each)
        if len(words) == 3 and number % (2 * num_each) < num_each:
            pairs.append(
                Pair(lfw_path(root, words[0], words[1]), lfw_path(root, words[0], words[2]), True, fold)
            )
        elif len(words) == 4 and number % (2 * num_each) >= num_each:
            pairs.append(
                Pair(lfw_path(root, words[0], words[1]), lfw_path(root, words[2], words[3]), False, fold)
            )
        else:
            raise EvaluationError(f"{path}, line {number + 2}: not the pair that belongs here: {line!r}")
    return pair_list(path.name, root, pairs)


def lfw_path(root: Path, person: str, number: str) -> Path:
    """Below the root, with the suffix that is there."""
    if not number.isdigit():
        raise EvaluationError(f"{person} {number}: the number of a picture is wanted, not {number!r}")
    paths = [Path(person) / f"{person}_{int(number):04d}{suffix}" for suffix in SUFFIXES]
    return next((path for path in paths if (root / path).is_file()), paths[0])


def read_cfp(protocol: Path, root: Path, kind: str = "FP") -> PairList:
    """The folder `Protocol` of CFP: `Pair_list_F.txt`, `Pair_list_P.txt`, and `Split/FP/01` to `10`."""
    frontal = cfp_pictures(protocol / "Pair_list_F.txt")
    others = frontal if kind == "FF" else cfp_pictures(protocol / "Pair_list_P.txt")
    splits = sorted(folder for folder in (protocol / "Split" / kind).glob("*") if folder.is_dir())
    if len(splits) < 2:
        raise EvaluationError(
            f"{protocol / 'Split' / kind}: wanted folders 01 to 10, there are {len(splits)}"
        )
    pairs = []
    for fold, folder in enumerate(splits):
        for name, is_same in (("same.txt", True), ("diff.txt", False)):
            for line in lines_of(folder / name):
                try:
                    one, other = (int(word) for word in line.split(","))
                    pairs.append(Pair(frontal[one], others[other], is_same, fold))
                except (ValueError, KeyError):
                    raise EvaluationError(f"{folder / name}: no pair of listed pictures: {line!r}") from None
    return pair_list(f"CFP-{kind}", root, pairs)


def cfp_pictures(path: Path) -> dict[int, Path]:
    """Number to path below the folder that holds `Data` and `Protocol`."""
    found = {}
    for line in lines_of(path):
        number, _, place = line.partition(" ")
        parts = [part for part in place.strip().replace("\\", "/").split("/") if part not in ("..", ".", "")]
        if not number.isdigit() or not parts:
            raise EvaluationError(f"{path}: wanted a number and a path, got {line!r}")
        found[int(number)] = Path(*parts)
    return found


def read_labelled(path: Path, root: Path) -> PairList:
    """Lines of two pictures and 1 for one person, 0 or -1 for two, as AgeDB-30 comes; ten equal folds."""
    lines = lines_of(path)
    folds = contiguous_folds(len(lines), NUM_FOLDS).tolist() if len(lines) >= NUM_FOLDS else []
    if not folds:
        raise EvaluationError(f"{path}: {len(lines)} pairs cannot make {NUM_FOLDS} folds")
    pairs = []
    for number, (line, fold) in enumerate(zip(lines, folds, strict=True)):
        words = line.replace(",", " ").split()
        if len(words) != 3 or words[2] not in ("1", "0", "-1"):
            raise EvaluationError(
                f"{path}, line {number + 1}: wanted two pictures and 1, 0 or -1, got {line!r}"
            )
        pairs.append(Pair(Path(words[0]), Path(words[1]), words[2] == "1", fold))
    return pair_list(path.name, root, pairs)


def lines_of(path: Path) -> list[str]:
    """Without empty ones."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise EvaluationError(f"{path}: cannot be read ({(error.strerror or str(error)).lower()})") from error
    except UnicodeDecodeError as error:
        raise EvaluationError(f"{path}: is no text") from error
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise EvaluationError(f"{path}: is empty")
    return lines
