"""`mien recover` at work on many photos: what is done is skipped, the rest goes through an engine."""

from collections.abc import Callable, Container, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from mien.archive.journal import Entry, Journal, JournalError, digest_of_json, read_journal
from mien.archive.memory import return_freed_memory
from mien.archive.stages import Window, overlap
from mien.archive.staging import left_over, put_in_place, sweep
from mien.archive.standing import Standing, standing
from mien.archive.stream import default_workers
from mien.cli.archive_arguments import RAY
from mien.cli.archive_settings import settings_of
from mien.cli.archive_worker import (
    Made,
    MakeWorker,
    Task,
    Unmade,
    Worker,
    made_from_text,
    target_of,
    text_from_task,
    unmade,
)
from mien.cli.arguments import OutputError
from mien.cli.beside import drop_stale, files_of
from mien.cli.inputs import Problem, one_line
from mien.cli.outputs import Job, TextOutput, refusal
from mien.cli.progress import Show
from mien.cli.recover import RecoverArguments, endings_of
from mien.cli.recover_photos import bound_recover
from mien.cli.work import FAILURES, explain

PHOTOS_AT_ONCE = 16
"""That a process of Ray is given."""

Verdict = Entry | Problem | None
"""Of a photo: done before, not to be done, or to do."""


def recover_archive(
    asked: RecoverArguments, jobs: list[Job], out: Path, report: TextOutput, show: Show
) -> None:
    """Look at what the journal knows, then do the rest; reports are in the order of the inputs."""
    settings = settings_of(asked)
    key = digest_of_json(settings)
    verdicts = [*judged(asked, jobs, out, key)]
    num_done = sum(isinstance(verdict, Entry) for verdict in verdicts)
    if num_done:
        show.say(f"skipped {num_done} done before")
    to_do = (job for job, verdict in zip(jobs, verdicts, strict=True) if verdict is None)
    tasks = [Task(number, job) for number, job in enumerate(to_do)]
    try:
        clear(jobs, out)
        files = files_of(jobs) if asked.overwrite else frozenset[Path]()
        with closing(recovered(asked, tasks, out, settings, key, show, files)) as made:
            for job, verdict in zip(jobs, verdicts, strict=True):
                tell(job, next(made) if verdict is None else verdict, report, show)
    except JournalError as error:
        raise OutputError(one_line(str(error))) from error


def clear(jobs: list[Job], out: Path) -> None:
    """Take away what a run that was killed had begun, also of photos that it had just done."""
    begun = left_over(target_of(job) for job in jobs)
    if begun:
        with Journal(out):  # nobody else is at work then
            sweep(begun)


def judged(asked: RecoverArguments, jobs: list[Job], out: Path, settings: str) -> Iterator[Verdict]:
    """What becomes of each photo; those that the journal does not know are allowed already."""
    known = read_journal(out)

    def judge(job: Job) -> Verdict:
        target = target_of(job)
        entry = known.get(target.relative_to(out).as_posix())
        if entry is None or job.source.path is None:
            return None
        try:
            found = standing(entry, out, job.source.path, target, job.written, settings)
        except OSError as error:
            return Problem(job.name, explain(error, job.name))
        if found is Standing.DONE:
            return entry
        if found is Standing.OPEN or asked.overwrite:
            return None
        if found is Standing.FOREIGN:
            return refusal(job, overwrite=False)
        return Problem(job.name, f"{job.target_name} was {found.value}; --overwrite replaces it")

    num_workers = asked.workers or default_workers()
    with ThreadPoolExecutor(num_workers) as pool:
        yield from overlap(jobs, judge, pool, Window(4 * num_workers, 1))


def recovered(
    asked: RecoverArguments,
    tasks: list[Task],
    out: Path,
    settings: dict[str, object],
    key: str,
    show: Show,
    files: Container[Path],
) -> Generator[Made | Unmade, None, None]:
    """Each of them, in its place and in the journal by the time it is told of; `files` are those of all
    photos, done before or not."""
    if not tasks:
        return
    return_freed_memory()
    bound = bound_recover(asked, show.say)  # with Ray too, so that what is wrong is said at once
    targets = [target_of(task.job) for task in tasks]
    num_workers = asked.workers or default_workers()
    with Journal(out) as journal:
        journal.begin(key, settings)

        def keep(made: Made) -> None:
            put_away(made, journal, asked, files)

        try:
            if asked.engine == RAY:
                stream = with_ray(asked, tasks, out, key, num_workers, keep)
            else:
                worker = Worker(asked, bound, out, key)
                stream = worker.stream(tasks, num_workers, keep)
            with closing(stream):
                for task, made in zip(tasks, stream, strict=True):
                    if isinstance(made, Unmade):
                        journal.failed(target_of(task.job).relative_to(out).as_posix(), made.reason)
                    yield made
        finally:
            sweep(left_over(targets))


def with_ray(
    asked: RecoverArguments,
    tasks: list[Task],
    out: Path,
    key: str,
    num_workers: int,
    keep: Callable[[Made], None],
) -> Generator[Made | Unmade, None, None]:
    """In other processes, whose files this one puts in their place: a process that dies leaves nothing."""
    from mien.archive.ray_engine import work_with_ray

    make = MakeWorker(asked, out, key, str(Path.cwd()))
    texts = [text_from_task(task) for task in tasks]
    answers = work_with_ray(texts, make, num_workers, PHOTOS_AT_ONCE)
    for task, text in zip(tasks, answers, strict=True):
        made = made_from_text(text)
        if isinstance(made, Made):
            try:
                keep(made)
            except FAILURES as error:
                made = unmade(task, error)
        yield made


def put_away(made: Made, journal: Journal, asked: RecoverArguments, files: Container[Path]) -> None:
    """A photo's files into their place, as `files` of others stay.

    What is stale goes before all else, as a photo that the journal knows is not looked at again. Then the
    journal: what lies in its place afterwards is known to be ours, and what is missing not done.
    """
    if asked.overwrite:
        target = Path(made.staged.target)
        written = {target.parent / name for name in made.staged.files}
        drop_stale(target, endings_of(asked), written, files)
    journal.done(made.entry)
    put_in_place(made.staged)


def tell(job: Job, outcome: Made | Unmade | Entry | Problem, report: TextOutput, show: Show) -> None:
    """What a person and the report hear of a photo."""
    show.begin(job.name)
    if isinstance(outcome, Made):
        for note in outcome.notes:
            show.say(f"{job.name}: {note}")
        report.write(outcome.entry.report)
        show.done(outcome.line)
    elif isinstance(outcome, Entry):
        told = outcome.report or {"notes": ["done before"]}
        report.write({**told, "input": job.name, "output": job.target_name})
        show.advance()
    else:
        problem = outcome if isinstance(outcome, Problem) else Problem(job.name, outcome.reason)
        show.fail(problem)
        show.advance()
        report.write(problem.as_json())
