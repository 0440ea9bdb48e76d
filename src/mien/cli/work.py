"""Photo after photo: one that fails is named, and the others are still done."""

from collections.abc import Callable, Iterable

import torch

from mien.archive.shared_batches import FAILURES
from mien.cli.inputs import Problem, one_line, reason
from mien.cli.outputs import Job
from mien.cli.progress import Show


def work_through(
    jobs: Iterable[Job],
    work: Callable[[Job], str],
    show: Show,
    failed: Callable[[Problem], None] = lambda problem: None,
) -> None:
    """Do `work` on each, which returns what to say of it; `failed` hears of those that it cannot do."""
    for job in jobs:
        show.begin(job.name)
        try:
            line = work(job)
        except BrokenPipeError:  # whoever reads our output went away: nothing further is wanted
            raise
        except FAILURES as error:
            problem = Problem(job.name, explain(error, job.name))
            show.fail(problem)
            show.advance()
            failed(problem)
        else:
            show.done(line)


def explain(error: BaseException, name: str) -> str:
    """What is wrong, on one line; a file is named where it is not the one that `name` says."""
    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return "not enough memory; a smaller --batch-size or --max-pixels may help"
    text = str(error)
    if isinstance(error, OSError):
        text = f"{error.filename}: {reason(error)}" if error.filename else reason(error)
    return one_line(text).removeprefix(f"{name}: ")
