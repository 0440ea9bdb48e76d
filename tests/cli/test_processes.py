"""Worker processes end with the command, even where it is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PROGRAM = """
import os, sys, time
from pathlib import Path
from mien.cli.processes import process_pool

def note(folder):
    (folder / f"{os.getpid()}").touch()
    time.sleep(60)

if __name__ == "__main__":
    with process_pool(2) as pool:
        for _ in range(2):
            pool.submit(note, Path(sys.argv[1]))
        time.sleep(60)
"""


def is_alive(pid):
    """One that has ended and that nobody has asked about yet is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_workers_end_with_a_command_that_is_killed(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    notes = tmp_path / "notes"
    notes.mkdir()
    command = subprocess.Popen([sys.executable, program, notes], env=os.environ)
    wait_until(lambda: len(list(notes.iterdir())) == 2)
    workers = [int(path.name) for path in notes.iterdir()]
    assert all(map(is_alive, workers))
    command.send_signal(signal.SIGKILL)
    command.wait()
    wait_until(lambda: not any(map(is_alive, workers)))
