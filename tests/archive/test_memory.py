"""Freed memory goes back to the system; in a process of its own, since it stays so."""

import subprocess
import sys

import pytest

PROGRAM = """
import threading
import mmap
from pathlib import Path
from mien.archive.memory import return_freed_memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE

print(return_freed_memory())
before = resident()
def churn(number):
    kept = []
    for size in range(30):
        kept.append(bytearray(1_100_000 + 20_000 * ((size * 7 + number) % 50)))
        if len(kept) > 8:
            del kept[size % 8]
threads = [threading.Thread(target=churn, args=(number,)) for number in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's")
def test_what_threads_free_is_free() -> None:
    told, grown = subprocess.check_output([sys.executable, "-c", PROGRAM], text=True).split()
    assert told == "True"
    assert int(grown) < 8_000_000
