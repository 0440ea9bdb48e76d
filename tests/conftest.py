"""What every test run has: one thread per worker, and property tests that are the same each time."""

import os

import hypothesis
import pytest
import torch

hypothesis.settings.register_profile(
    "mien", deadline=None, max_examples=20, derandomize=True, print_blob=True
)
hypothesis.settings.load_profile("mien")

if "PYTEST_XDIST_WORKER" in os.environ:
    # workers that each start a thread per core only wait for each other, and so do the commands they start
    torch.set_num_threads(1)
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(autouse=True)
def torch_runs_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another runtime would need a second for each recovery to begin."""
    monkeypatch.setattr("mien.runtime.choose.quickest_first", lambda: ("torch",))
