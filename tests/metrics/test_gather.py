import subprocess
import sys

import torch

from mien.metrics.gather import gathered
from mien.metrics.mean import Mean

PROGRAM = """
import sys
import torch
import torch.distributed as dist
from mien.metrics.gather import gathered
from mien.metrics.mean import Mean

rank, file = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
whole = gathered(Mean.of(torch.arange(10.0)[rank::2]))
print(whole.sum, whole.count)
dist.destroy_process_group()
"""


def test_two_processes_equal_one(tmp_path):
    command = [sys.executable, "-c", PROGRAM]
    both = [
        subprocess.Popen([*command, str(rank), str(tmp_path / "meet")], stdout=subprocess.PIPE, text=True)
        for rank in range(2)
    ]
    told = [process.communicate(timeout=60)[0].split() for process in both]
    whole = Mean.of(torch.arange(10.0))
    assert told == [[str(whole.sum), str(whole.count)]] * 2


def test_one_process_needs_nobody():
    state = Mean.of(torch.ones(3))
    assert gathered(state) is state
