"""What every test run has: one thread per worker, and property tests that are the same each time."""

import os

import hypothesis
import pytest

hypothesis.settings.register_profile(
    "mien", deadline=None, max_examples=20, derandomize=True, print_blob=True
)
hypothesis.settings.load_profile("mien")

if "PYTEST_XDIST_WORKER" in os.environ:
    import torch  # which takes a second, and whoever hands out the work does not need

    # workers that each start a thread per core only wait for each other, and so do the commands they start
    torch.set_num_threads(1)
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The README takes longest: begun last, it would keep one worker busy and leave the other idle."""
    items.sort(key=lambda item: "test_readme" not in item.nodeid)


@pytest.fixture(autouse=True)
def torch_runs_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another runtime would need a second for each recovery to begin."""
    monkeypatch.setattr("mien.runtime.choose.quickest_first", lambda: ("torch",))
