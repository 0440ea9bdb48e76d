"""The same work in processes of Ray, here or on the machines of a cluster; only texts go back and forth."""

import os
from collections.abc import Callable, Iterator

import numpy as np
import ray  # pyright: ignore[reportMissingImports]
import ray.data  # pyright: ignore[reportMissingImports]

Work = Callable[[list[str]], list[str]]
"""Tasks to answers, one for each."""
ADDRESS_VARIABLE = "RAY_ADDRESS"


class Seat:
    """A process that keeps its models from one batch of tasks to the next."""

    def __init__(self, make_work: Callable[[], Work]) -> None:
        self._work = make_work()

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        answers = self._work([str(task) for task in batch["item"]])
        return {"item": np.array(answers, dtype=object)}


def work_with_ray(
    tasks: list[str], make_work: Callable[[], Work], num_workers: int, batch_size: int
) -> Iterator[str]:
    """Answers in the order of the tasks; what a process that died was at, another does again."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # ray otherwise tells its makers of each run
    address = os.environ.get(ADDRESS_VARIABLE)
    num_cpus = None if address else max(num_workers, os.cpu_count() or 1)
    ray.init(address=address or "local", num_cpus=num_cpus, include_dashboard=False, log_to_driver=False)
    try:
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.execution_options.preserve_order = True
        num_blocks = -(-len(tasks) // batch_size)
        answers = ray.data.from_items(tasks, override_num_blocks=num_blocks).map_batches(
            Seat,
            fn_constructor_args=(make_work,),
            batch_size=batch_size,
            concurrency=(1, num_workers),
            num_cpus=1,
        )
        for row in answers.iter_rows():
            yield str(row["item"])
    finally:
        ray.shutdown()
