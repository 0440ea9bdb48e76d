"""Ray does the same work in other processes, and once more where one of them dies."""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

ray_engine = pytest.importorskip("mien.archive.ray_engine", reason="needs ray", exc_type=ImportError)


@dataclass(frozen=True)
class Shout:
    """Work that can be followed: each answer ends in the process that gave it."""

    grave: Path | None = None
    """Where the first process to be asked for `die` leaves its mark, and dies."""

    def __call__(self) -> Callable[[list[str]], list[str]]:
        def work(texts: list[str]) -> list[str]:
            if "die" in texts and self.grave is not None and not self.grave.exists():
                self.grave.write_text(str(os.getpid()))
                os.kill(os.getpid(), signal.SIGKILL)
            return [f"{text.upper()} {os.getpid()}" for text in texts]

        return work


@pytest.fixture(autouse=True)
def in_other_processes():
    """They cannot import this file, so what is in it is sent to them."""
    import ray.cloudpickle

    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    yield
    ray.cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


def test_answers_come_in_order_from_other_processes():
    tasks = [f"task {number}" for number in range(40)]
    answers = [*ray_engine.work_with_ray(tasks, Shout(), num_workers=2, batch_size=4)]
    assert [answer.rsplit(" ", 1)[0] for answer in answers] == [task.upper() for task in tasks]
    assert str(os.getpid()) not in {answer.rsplit(" ", 1)[1] for answer in answers}


def test_what_a_process_was_at_when_it_died_is_done_again(tmp_path):
    tasks = [*(f"task {number}" for number in range(20)), "die", "after"]
    work = Shout(tmp_path / "grave")
    answers = [*ray_engine.work_with_ray(tasks, work, num_workers=2, batch_size=4)]
    dead = (tmp_path / "grave").read_text()
    assert [answer.rsplit(" ", 1)[0] for answer in answers] == [task.upper() for task in tasks]
    assert answers[20].rsplit(" ", 1)[1] != dead
