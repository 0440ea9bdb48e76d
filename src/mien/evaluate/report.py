"""Everything that can be judged with the pictures there are; all parts are kept, so a stop costs one."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from torch import nn

from mien.evaluate.catalog import PROTOCOLS
from mien.evaluate.findings import Findings
from mien.evaluate.join import joined
from mien.evaluate.sheets import EvaluationError
from mien.evaluate.stored import key_of, read_findings, write_findings
from mien.evaluate.trial import Bench, Part, Trial, UnsuitedError
from mien.image.io import ImageError
from mien.types import Recoverer

KEPT = "parts"
"""Folder of a report that holds what is done."""
NUM_STRIPS = 4
"""Worst cases shown per part, model and condition."""


@dataclass(frozen=True)
class Contestants:
    """What is judged, and by what."""

    models: Mapping[str, Recoverer]
    networks: Mapping[str, nn.Module]
    """Of the models that have one alone."""
    checksums: Mapping[str, str]
    """Of the weights of models and judges, by name: who is not a model judges."""

    def settings(self, models: tuple[str, ...]) -> dict[str, str]:
        """Whose weights a part depends on."""
        return {
            name: checksum
            for name, checksum in self.checksums.items()
            if name in models or name not in self.models
        }


@dataclass(frozen=True)
class Entry:
    """One part of a report."""

    protocol: str
    part: str
    findings: Findings
    was_kept: bool
    """All of it was there from before."""


@dataclass(frozen=True)
class Report:
    """All parts, what went wrong, and what was left out on purpose."""

    entries: tuple[Entry, ...]
    checksums: Mapping[str, str]
    models: tuple[str, ...]
    sets: Mapping[str, int]
    """Name and number of pictures."""
    unused: tuple[str, ...]
    """Folders that no protocol wanted."""
    subsampled: tuple[str, ...]
    problems: tuple[str, ...]
    seconds: float
    skipped: tuple[str, ...] = ()
    """Parts that are for none of the models."""
    date: str = field(default_factory=lambda: date.today().isoformat())


@dataclass(frozen=True)
class Reporter:
    """Whom the work tells how far it is."""

    advance: Callable[[], None] = lambda: None
    begin: Callable[[str], None] = lambda part: None
    say: Callable[[str], None] = lambda line: None


def plan_all(bench: Bench, protocols: tuple[str, ...] = tuple(PROTOCOLS)) -> list[tuple[str, Part]]:
    """Every part of every protocol that finds pictures."""
    return [(name, part) for name in protocols for part in PROTOCOLS[name].plan(bench)]


def count_steps(parts: list[tuple[str, Part]], num_models: int) -> int:
    """Of a progress bar."""
    return sum(part.num_steps * len(rounds(part, ("",) * num_models)) for _, part in parts)


def rounds(part: Part, models: Sequence[str]) -> list[tuple[str, ...]]:
    """Which models a part is done with, time after time."""
    if not part.takes_models:
        return [()]
    return [tuple(models)] if part.together else [(name,) for name in models]


def make_report(
    bench: Bench,
    contestants: Contestants,
    parts: list[tuple[str, Part]],
    folder: Path,
    seed: int,
    unused: tuple[str, ...] = (),
    reporter: Reporter | None = None,
) -> Report:
    """A part that fails is told and the rest goes on."""
    reporter = reporter or Reporter()
    start = time.perf_counter()
    entries, problems, skipped = [], [], []
    for protocol, part in parts:
        try:
            entries.append(do_part(protocol, part, bench, contestants, folder, seed, reporter))
        except UnsuitedError as error:
            skipped.append(f"{part.name}: {error}")
        except (EvaluationError, ImageError) as error:
            problems.append(f"{part.name}: {error}")
            reporter.say(problems[-1])
    return Report(
        entries=tuple(entries),
        checksums=contestants.checksums,
        models=tuple(contestants.models),
        sets={one.name: len(one.photos) for one in bench.sets},
        unused=unused,
        subsampled=tuple(f"{part.name}: {part.whole_set}" for _, part in parts if part.whole_set),
        problems=tuple(problems),
        seconds=time.perf_counter() - start,
        skipped=tuple(skipped),
    )


def do_part(
    protocol: str,
    part: Part,
    bench: Bench,
    contestants: Contestants,
    folder: Path,
    seed: int,
    reporter: Reporter,
) -> Entry:
    """One model after the other, as far as they are not kept already; those that it is not for are named."""
    found: list[Findings] = []
    unsuited: list[str] = []
    all_kept = True
    for names in rounds(part, tuple(contestants.models)):
        try:
            findings, was_kept = do_round(part, names, bench, contestants, folder, seed, reporter)
        except UnsuitedError as error:
            unsuited.append(str(error))
            advance(part.num_steps, reporter)
            continue
        found.append(findings)
        all_kept = all_kept and was_kept
    if not found:
        raise UnsuitedError("; ".join(unsuited))
    whole = joined(found, seed)
    return Entry(protocol, part.name, replace(whole, notes=(*whole.notes, *unsuited)), all_kept)


def do_round(
    part: Part,
    names: tuple[str, ...],
    bench: Bench,
    contestants: Contestants,
    folder: Path,
    seed: int,
    reporter: Reporter,
) -> tuple[Findings, bool]:
    """A part with these models alone; whether it was kept from before. It is afterwards."""
    who = names[0] if len(names) == 1 else ""
    reporter.begin(f"{part.name}, {who}" if who else part.name)
    trial = Trial(
        models=contestants.models,
        photos=part.photos,
        judges=bench.judges,
        find=bench.find,
        seed=seed,
        num_strips=NUM_STRIPS,
        networks=contestants.networks,
        advance=reporter.advance,
    )
    trial = replace(trial, size=trial.side)
    path = folder / KEPT / f"{file_name(part.name, who)}-{key(part, trial, contestants, names)}.json"
    kept = read_findings(path)
    if kept is not None:
        advance(part.num_steps, reporter)
        return kept, True
    made = perform(part, trial, names)
    write_findings(path, made)
    return made, False


def advance(num_steps: int, reporter: Reporter) -> None:
    """Of work that need not be done."""
    for _ in range(num_steps):
        reporter.advance()


def perform(part: Part, trial: Trial, names: tuple[str, ...]) -> Findings:
    """With these models alone."""
    start = time.perf_counter()
    found = part.run(replace(trial, models={name: trial.models[name] for name in names}))
    return replace(found, seconds=round(time.perf_counter() - start, 1))


def key(part: Part, trial: Trial, contestants: Contestants, names: tuple[str, ...]) -> str:
    """Changes with all that a part's outcome depends on."""
    own = {"part": part.name, "model": ", ".join(names), "size": str(trial.side), "seed": str(trial.seed)}
    strips = {"strips": str(trial.num_strips)}
    return key_of({**own, **strips, **part.settings, **contestants.settings(names)}, part.photos)


def file_name(part: str, model: str) -> str:
    words = f"{part} {model}".replace(",", " ").split()
    return "-".join(
        "".join(letter for letter in word if letter.isalnum() or letter in "._") for word in words
    )
