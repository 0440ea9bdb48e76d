"""`mien evaluate all`: every protocol that the pictures allow, as one page."""

import sys
import time
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import torch

from mien.cli.arguments import EXIT_DONE, EXIT_FAILED, MODELS, UsageError
from mien.cli.evaluate import EvaluateArguments
from mien.cli.inputs import one_line
from mien.cli.judging import checksums_of, load_judges, load_models, networks_of
from mien.cli.processes import process_pool
from mien.cli.progress import Show
from mien.cli.tools import load_box_reader, load_finder
from mien.evaluate.catalog import PROTOCOLS
from mien.evaluate.report import (
    Contestants,
    Report,
    Reporter,
    count_steps,
    do_round,
    make_report,
    plan_all,
    rounds,
)
from mien.evaluate.sets import find_sets
from mien.evaluate.sheets import EvaluationError
from mien.evaluate.trial import Bench, Part
from mien.evaluate.write import write_report
from mien.image.io import ImageError
from mien.types import Guidable
from mien.zoo.load import pick_device

SEERS = ("detector", "identity", "look", "morphable", "reader")
"""Parts of the package that look at pictures."""
MOST_WORKERS = 4
"""Unless more are asked for: each holds all models."""


@dataclass(frozen=True)
class Settings:
    """All that a report depends on, for processes that know nothing else."""

    photos: Path
    folder: Path
    models: tuple[str, ...]
    device: str
    lpips: tuple[Path, ...] | None
    niqe: Path | None
    quality_weights: Path | None
    most: int | None
    only: tuple[str, ...]
    pose_labels: Path | None
    seed: int


@dataclass(frozen=True)
class Prepared:
    """What a process loads once."""

    bench: Bench
    contestants: Contestants
    parts: list[tuple[str, Part]]
    unused: tuple[str, ...]


def run_all(asked: EvaluateArguments) -> int:
    """Plan, judge what is not judged yet, and write the page."""
    folder = Path(asked.out)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{one_line(asked.out)} is a file, and a report needs a folder")
    settings = settings_of(asked)
    try:
        prepared = prepare(settings)
        if not prepared.parts:
            raise EvaluationError("none of the folders fits a protocol that was asked for")
        with Show(count_steps(prepared.parts, len(prepared.contestants.models))) as show:
            num_workers = asked.workers or usual_workers(asked.device)
            reporter = Reporter(show.advance, show.begin, show.say)
            report = report_of(settings, prepared, num_workers, reporter)
        page = write_report(folder, report)
    except (EvaluationError, ImageError) as error:
        print(f"mien evaluate: error: {error}", file=sys.stderr)
        return EXIT_FAILED
    print(one_line(str(page)))
    return EXIT_FAILED if report.problems else EXIT_DONE


def report_of(settings: Settings, prepared: Prepared, num_workers: int, reporter: Reporter) -> Report:
    """Several workers keep all they can before it is put together."""
    start = time.perf_counter()
    made_now: set[str] = set()
    if num_workers > 1:
        made_now = keep_rounds(settings, prepared, num_workers, reporter)
        reporter = replace(reporter, advance=lambda: None)  # the bar has gone all the way
    report = make_report(
        prepared.bench,
        prepared.contestants,
        prepared.parts,
        settings.folder,
        settings.seed,
        prepared.unused,
        reporter,
    )
    entries = (
        replace(entry, was_kept=entry.was_kept and entry.part not in made_now) for entry in report.entries
    )
    return replace(report, entries=tuple(entries), seconds=time.perf_counter() - start)


def settings_of(asked: EvaluateArguments) -> Settings:
    return Settings(
        photos=Path(asked.photos[0]),
        folder=Path(asked.out),
        models=tuple(asked.models or MODELS),
        device=asked.device,
        lpips=None if asked.lpips is None else tuple(asked.lpips),
        niqe=asked.niqe,
        quality_weights=asked.quality_weights,
        most=asked.most,
        only=tuple(asked.only or PROTOCOLS),
        pose_labels=asked.pose_labels,
        seed=asked.seed,
    )


def usual_workers(device: str) -> int:
    """A core each; an accelerator is busy with one."""
    on_processor = pick_device(device).type == "cpu"
    return min(MOST_WORKERS, torch.get_num_threads()) if on_processor else 1


def prepare(settings: Settings) -> Prepared:
    """Models, judges, pictures and the parts that they allow."""
    sets, unused = find_sets(settings.photos)
    models = load_models(settings.models, settings.device)
    lpips = None if settings.lpips is None else list(settings.lpips)
    judges = load_judges(settings.device, lpips, settings.niqe, settings.quality_weights)
    bench = Bench(
        sets,
        judges,
        load_finder(settings.device),
        settings.most,
        load_box_reader(settings.device).read_box,
        any(isinstance(model, Guidable) for model in models.values()),
        settings.pose_labels,
    )
    checksums = checksums_of(settings.models, judges, SEERS)
    contestants = Contestants(models, networks_of(models), checksums)
    return Prepared(bench, contestants, plan_all(bench, settings.only), unused)


def keep_rounds(settings: Settings, prepared: Prepared, num_workers: int, reporter: Reporter) -> set[str]:
    """Every part with every model, in several processes; what is timed is left for later.

    Returns the names of the parts that were not there from before.
    """
    tasks = [
        (index, names)
        for index, (_, part) in enumerate(prepared.parts)
        for names in rounds(part, tuple(prepared.contestants.models))
        if not part.alone
    ]
    num_threads = max(1, torch.get_num_threads() // num_workers)
    made: set[str] = set()
    with process_pool(num_workers) as pool:
        pending = {pool.submit(keep_elsewhere, settings, *task, num_threads): task[0] for task in tasks}
        for done in as_completed(pending):
            _, part = prepared.parts[pending[done]]
            if done.result():
                made.add(part.name)
            reporter.begin(part.name)
            for _ in range(part.num_steps):
                reporter.advance()
    return made


prepared_of_process = cache(prepare)


def keep_elsewhere(settings: Settings, index: int, names: tuple[str, ...], num_threads: int) -> bool:
    """In another process, which loads its tools for the first round: whether it was made now.

    What fails is told by who puts the report together and tries it again.
    """
    torch.set_num_threads(num_threads)
    mine = prepared_of_process(settings)
    _, part = mine.parts[index]
    try:
        _, was_kept = do_round(
            part, names, mine.bench, mine.contestants, settings.folder, settings.seed, Reporter()
        )
    except (EvaluationError, ImageError):
        return False
    return not was_kept
