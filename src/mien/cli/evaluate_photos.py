"""`mien evaluate` on pictures: one protocol, one or several models, one table."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from mien.cli.arguments import EXIT_DONE, EXIT_FAILED, UsageError
from mien.cli.evaluate import USUAL, EvaluateArguments
from mien.cli.inputs import STANDARD, Found, collect
from mien.cli.judging import load_judges, load_models
from mien.cli.outputs import TextOutput
from mien.cli.progress import Show
from mien.cli.tools import load_finder, load_reader
from mien.evaluate.blind import CONDITIONS, evaluate_blind
from mien.evaluate.catalog import PROTOCOLS
from mien.evaluate.findings import Findings
from mien.evaluate.guided import FACTORS as GUIDED
from mien.evaluate.guided import evaluate_guided
from mien.evaluate.ijb import TemplateList, read_ijb_lists, read_ijb_tables
from mien.evaluate.lists import read_cfp, read_labelled, read_lfw
from mien.evaluate.packs import read_pack
from mien.evaluate.pairs import PairList, made_pairs
from mien.evaluate.recognition import Damage, evaluate_recognition, evaluate_templates
from mien.evaluate.sets import photo_set
from mien.evaluate.sheets import EvaluationError
from mien.evaluate.strength import FACTORS as STRENGTHS
from mien.evaluate.strength import evaluate_strength
from mien.evaluate.superres import FACTORS as SHRINKINGS
from mien.evaluate.superres import evaluate_superres
from mien.evaluate.tables import as_text
from mien.evaluate.trial import Bench, Part, PhotoSet, Trial
from mien.evaluate.wild import evaluate_wild
from mien.image.io import ImageError

Work = tuple[int, Callable[[Trial], Findings]]
"""Number of steps, and what takes them."""


def run_photos(asked: EvaluateArguments) -> int:
    """Judge, and print or write what came out."""
    found = collect(asked.photos) if asked.photos else Found((), ())
    with TextOutput(asked.json, found) as output:
        if found.problems:
            show = Show(0)
            for problem in found.problems:
                show.fail(problem)
            return EXIT_FAILED
        photos = tuple(source.path for source in found.inputs if source.path is not None)
        findings = judge(asked, photos)
        if findings is None:
            return EXIT_FAILED
        output.write(findings.as_json(), indent=2)
        if asked.json != STANDARD:
            print("\n".join(as_text(findings)))
    return EXIT_DONE


def judge(asked: EvaluateArguments, photos: tuple[Path, ...]) -> Findings | None:
    """None where it cannot be done, which was said then."""
    trial = Trial(
        models=load_models(asked.models or USUAL.get(asked.protocol), asked.device),
        photos=photos,
        judges=load_judges(asked.device, asked.lpips, asked.niqe, asked.quality_weights),
        find=load_finder(asked.device),
        seed=asked.seed,
    )
    try:
        num_steps, work = work_of(asked, trial)
        with Show(num_steps) as show:
            return work(replace(trial, advance=show.advance))
    except (EvaluationError, ImageError) as error:
        Show(0).say(f"mien evaluate: error: {error}")
        return None


def work_of(asked: EvaluateArguments, trial: Trial) -> Work:
    """What a protocol does with these photos."""
    num = len(trial.photos)
    if asked.protocol == "blind":
        return num * len(CONDITIONS), partial(evaluate_blind, profile=asked.profile)
    if asked.protocol == "strength":
        return num * len(STRENGTHS), partial(evaluate_strength, profile=asked.profile)
    if asked.protocol == "superres":
        return num * len(SHRINKINGS), evaluate_superres
    if asked.protocol == "wild":
        good = None if asked.clean is None else photo_set(asked.clean, "aligned")
        return num, partial(evaluate_wild, good=good)
    if asked.protocol == "guided":
        return num * len(GUIDED), partial(evaluate_guided, read=load_reader(asked.device))
    if asked.protocol == "recognition":
        return recognition(asked, trial)
    return planned(asked, trial)


def recognition(asked: EvaluateArguments, trial: Trial) -> Work:
    """On pairs of a list, or made inside the folder."""
    if asked.factor is not None and asked.factor < 1:
        raise UsageError(f"--factor shrinks, so it is 1 or more, not {asked.factor:g}")
    damage = Damage(asked.profile, asked.factor)
    listed = read_list(asked, trial)
    if isinstance(listed, TemplateList):
        return len(listed.portraits), partial(evaluate_templates, listed=listed, damage=damage)
    return len(listed.portraits), partial(evaluate_recognition, pairs=listed, damage=damage)


def read_list(asked: EvaluateArguments, trial: Trial) -> PairList | TemplateList:
    """By its format, which is not guessed."""
    if asked.format is None:
        if asked.lists:
            raise UsageError("--list needs --format, which says what it is")
        if not asked.photos:
            raise UsageError("recognition needs --photos with a folder for each person, or --list")
        return made_pairs(trial.photos, trial.seed, Path(asked.photos[0]).name)
    files = asked.lists or []
    if asked.format == "pack":
        return read_pack(exactly(files, 1, "a .bin file")[0])
    if len(asked.photos) != 1:
        raise UsageError(
            f"--format {asked.format} needs one folder as --photos, below which its pictures are"
        )
    root = Path(asked.photos[0])
    if asked.format == "ijb-tables":
        if len(files) < 2:
            raise UsageError("--format ijb-tables takes one or more tables of templates, and that of matches")
        return read_ijb_tables(files[:-1], files[-1], root)
    if asked.format == "ijb-lists":
        templates, pairs, points = exactly(files, 3, "face_tid_mid, template_pair_label, name_5pts_score")
        return read_ijb_lists(templates, pairs, points, root)
    path = exactly(files, 1, "one path")[0]
    if asked.format in ("cfp-fp", "cfp-ff"):
        return read_cfp(path, root, asked.format[-2:].upper())
    return read_lfw(path, root) if asked.format == "lfw" else read_labelled(path, root)


def exactly(files: list[Path], num: int, what: str) -> list[Path]:
    if len(files) != num:
        raise UsageError(f"--list takes {what} here, not {len(files)} paths")
    return files


def planned(asked: EvaluateArguments, trial: Trial) -> Work:
    """A protocol that plans itself, on one folder made for it."""
    if len(asked.photos) != 1:
        raise UsageError(f"{asked.protocol} takes one folder as --photos")
    folder = Path(asked.photos[0])
    photos = PhotoSet(folder.name, PROTOCOLS[asked.protocol].role, folder, trial.photos)
    parts = PROTOCOLS[asked.protocol].plan(Bench((photos,), trial.judges, trial.finder))
    if len(parts) != 1:
        raise EvaluationError(f"{folder} holds what makes {len(parts)} parts of {asked.protocol}, not one")
    part: Part = parts[0]
    return part.num_steps, lambda trial: part.run(replace(trial, photos=part.photos))
