"""One photo of many, from its file to files that only need to be put in their place; in any process."""

import json
import os
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from mien.archive.journal import Entry, digest
from mien.archive.memory import return_freed_memory
from mien.archive.shared_batches import Batching
from mien.archive.staging import Staged, as_named, seal, staging
from mien.archive.stream import Failed, Steps, recover_stream
from mien.cli.inputs import Input
from mien.cli.outputs import Job
from mien.cli.recover import RecoverArguments
from mien.cli.recover_photos import Begun, Bound, begin_photo, bound_recover, describe, finish_photo, summary
from mien.cli.work import explain
from mien.image.io import count_pixels
from mien.types import Crop, Recovery
from mien.zoo.load import pick_device

WORKERS_IN_PROCESS = 2
"""Where there are several processes, each has so many threads to begin photos and to end them."""


@dataclass(frozen=True)
class Task:
    """A photo to do, by its number in this run."""

    number: int
    job: Job


@dataclass(frozen=True)
class Looked:
    """A photo that is read and looked at."""

    task: Task
    begun: Begun
    source: str
    """SHA-256 of the file."""

    @property
    def crops(self) -> tuple[Crop, ...]:
        return self.begun.crops

    @property
    def weight(self) -> int:
        return self.begun.weight


@dataclass(frozen=True)
class Made:
    """A photo whose files are complete, and what is said of it."""

    entry: Entry
    staged: Staged
    line: str
    notes: list[str]


@dataclass(frozen=True)
class Unmade:
    """A photo that failed, and why."""

    reason: str


class Worker:
    """Does photos for a run into `folder`."""

    def __init__(self, asked: RecoverArguments, bound: Bound, folder: Path, settings: str) -> None:
        self.asked, self.bound, self.folder, self.settings = asked, bound, folder, settings

    def stream(
        self, tasks: list[Task], num_workers: int, keep: Callable[[Made], None]
    ) -> Generator[Made | Unmade, None, None]:
        """All of them in their order; `keep` is given what is made, in the thread that made it."""

        def end(looked: Looked, recoveries: list[Recovery], seconds: float) -> Made:
            made = self.end(looked, recoveries, seconds)
            keep(made)
            return made

        steps = Steps(weigh, self.begin, self.bound.model, end)
        with closing(recover_stream(tasks, steps, num_workers, self.batching(num_workers))) as stream:
            for task, made in zip(tasks, stream, strict=True):
                yield unmade(task, made.error) if isinstance(made, Failed) else made

    def batching(self, num_workers: int) -> Batching:
        """On a CPU the network has half of the processors, which is about its share of the work; elsewhere
        batches are all of one size, since results might depend on it."""
        is_cpu = pick_device(self.asked.device).type == "cpu"
        return Batching(self.asked.batch_size, (num_workers + 1) // 2 if is_cpu else 1, pads=not is_cpu)

    def begin(self, task: Task) -> Looked:
        """Before the network."""
        source = task.job.source.path
        if source is None:
            raise ValueError("what comes from standard input is no part of an archive")
        begun = begin_photo(task.job, self.asked, self.bound)
        return Looked(task, begun, digest(source))

    def end(self, looked: Looked, recoveries: list[Recovery], seconds: float) -> Made:
        """After the network."""
        job, begun = looked.task.job, looked.begun
        target = target_of(job)
        with staging(target, ticket_of(looked.task)) as place:
            staged_job = replace(job, target=place)
            done = finish_photo(replace(begun, job=staged_job), recoveries, seconds, self.asked, self.bound)
            report = describe(job, done, self.asked.model) if self.asked.report is not None else None
            staged = seal(place, target)
        files = {self.name(target.parent / name): content for name, content in staged.files.items()}
        entry = Entry(self.name(target), looked.source, self.settings, files, report)
        return Made(entry, staged, summary(job, done), [*done.notes])

    def name(self, path: Path) -> str:
        """Below the folder of results."""
        return path.relative_to(self.folder).as_posix()


def weigh(task: Task) -> int:
    """Pixels that are going to be read."""
    return 0 if task.job.source.path is None else count_pixels(task.job.source.path)


def unmade(task: Task, error: Exception) -> Unmade:
    """An error on one line, with the names that a person knows."""
    return Unmade(as_named(explain(error, task.job.name), ticket_of(task)))


def target_of(job: Job) -> Path:
    """Which an archive's photos all have."""
    if job.target is None:
        raise ValueError("standard output is no place for an archive")
    return job.target


def ticket_of(task: Task) -> str:
    """A folder's name, of this process alone: what one that was killed had begun is in nobody's way."""
    return f"{os.getpid()}-{task.number}"


# --- to other processes and back, as JSON


@dataclass(frozen=True)
class MakeWorker:
    """What a process needs to know to take part."""

    asked: RecoverArguments
    folder: Path
    settings: str
    home: str
    """The folder that names of files are meant from."""

    def __call__(self) -> Callable[[list[str]], list[str]]:
        os.chdir(self.home)
        return_freed_memory()
        bound = bound_recover(self.asked, lambda line: None)
        worker = Worker(self.asked, bound, self.folder, self.settings)

        def work(texts: list[str]) -> list[str]:
            tasks = [task_from_text(text) for text in texts]
            stream = worker.stream(tasks, WORKERS_IN_PROCESS, lambda made: None)
            return [text_from_made(made) for made in stream]

        return work


def text_from_task(task: Task) -> str:
    job = task.job
    source = [str(job.source.path), str(job.source.place)]
    return json.dumps([task.number, source, str(job.target), [*job.endings]])


def task_from_text(text: str) -> Task:
    number, (path, place), target, endings = json.loads(text)
    return Task(number, Job(Input(Path(path), Path(place)), Path(target), tuple(endings)))


def text_from_made(made: Made | Unmade) -> str:
    return json.dumps({type(made).__name__: asdict(made)})


def made_from_text(text: str) -> Made | Unmade:
    ((kind, value),) = json.loads(text).items()
    if kind == Unmade.__name__:
        return Unmade(**value)
    entry, staged = Entry(**value.pop("entry")), Staged(**value.pop("staged"))
    return Made(entry, staged, **value)
