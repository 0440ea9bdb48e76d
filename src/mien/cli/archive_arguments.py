"""What may be asked of `mien recover` where photos are many: workers, machines, and what was done before."""

import argparse
from importlib.util import find_spec
from pathlib import Path

from mien.archive.journal import NAME, JournalError, read_journal
from mien.cli.arguments import Options, UsageError, whole_number
from mien.cli.inputs import STANDARD, one_line
from mien.cli.outputs import Job

LOCAL, RAY = "local", "ray"
ARCHIVE_NOTES = f"""
Of two or more photos a journal is kept: OUT/{NAME} says what was made from which picture, with
which settings and weights. The same command again goes on after a kill, skips what is done (also with
--overwrite) and tries again what failed. What exists and is not in the journal, was changed since, or was
made from another picture or with other settings is only replaced with --overwrite. Without the journal,
everything that exists is refused. Reading, networks and writing overlap, and faces of several photos go
through the network together; results are the same, whatever --workers, --batch-size and --engine say.
--engine ray works on the machines of the Ray cluster that RAY_ADDRESS names (else in processes here), which
must see the same folders under the same names.
"""


class ArchiveArguments(argparse.Namespace):
    """How many photos are worked on."""

    workers: int | None
    engine: str


def add_archive(group: Options) -> None:
    """Options for many photos."""
    group.add_argument(
        "--workers",
        type=whole_number(1),
        metavar="N",
        help="photos that are worked on at a time (default: one for each processor, at most 8); "
        "with --engine ray processes, each with models of its own",
    )
    group.add_argument(
        "--engine",
        choices=(LOCAL, RAY),
        default=LOCAL,
        help="threads here (default), or Ray for several machines",
    )


def check_archive(asked: ArchiveArguments) -> None:
    """Refuse what is not installed."""
    if asked.engine == RAY and find_spec("ray") is None:
        raise UsageError("--engine ray needs a further package: pip install 'mien[ray]'")


def is_archive(jobs: tuple[Job, ...], out: str) -> bool:
    """Whether a journal is kept: of several photos, and where there is one already."""
    if out == STANDARD or any(job.target is None or job.target == Path(out) for job in jobs):
        return False
    return len(jobs) > 1 or (Path(out) / NAME).is_file()


def in_journal(jobs: tuple[Job, ...], out: str) -> set[Path]:
    """Results that the journal knows: whether they are done is seen when each is looked at."""
    if not is_archive(jobs, out):
        return set()
    try:
        return {Path(out) / name for name in read_journal(Path(out))}
    except JournalError as error:
        raise UsageError(one_line(str(error))) from error
