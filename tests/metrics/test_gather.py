import subprocess
import sys

import pytest
import torch
import torch.distributed as dist

from mien.metrics.gather import gathered
from mien.metrics.mean import Mean
from mien.metrics.verification import Comparisons, roc_curve

VALUES = torch.arange(10.0)

OTHER = """
import sys
import torch
import torch.distributed as dist
from mien.metrics.gather import gathered
from mien.metrics.mean import Mean
from mien.metrics.verification import Comparisons

dist.init_process_group("gloo", init_method=sys.argv[1], rank=1, world_size=2)
values = torch.arange(10.0)[1::2]
whole = gathered(Mean.of(values))
gathered(Comparisons(values, values > 4, torch.zeros(5, dtype=torch.int64)))
print(whole.sum, whole.count)
dist.destroy_process_group()
"""


@pytest.fixture
def other(tmp_path):
    """Another process with the values of odd numbers; this one has the even ones."""
    meeting = f"file://{tmp_path / 'meeting'}"
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, meeting], stdout=subprocess.PIPE, text=True
    ) as process:
        dist.init_process_group("gloo", init_method=meeting, rank=0, world_size=2)
        yield process
        dist.destroy_process_group()


def test_two_processes_equal_one(other):
    mine = VALUES[::2]
    mean = gathered(Mean.of(mine))
    pairs = gathered(Comparisons(mine, mine > 4, torch.zeros(5, dtype=torch.int64)))
    assert mean == Mean.of(VALUES)
    assert other.communicate(timeout=60)[0].split() == [str(mean.sum), str(mean.count)]
    assert len(pairs) == 10
    assert roc_curve(pairs).area == 1


def test_one_process_needs_nobody():
    state = Mean.of(torch.ones(3))
    assert gathered(state) is state
