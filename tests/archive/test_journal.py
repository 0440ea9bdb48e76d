"""The journal: what was made, whatever happened while it was written."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mien.archive.journal import NAME, Entry, Journal, JournalError, digest, digest_of_json, read_journal


def entry(target: str, settings: str = "s") -> Entry:
    return Entry(target, "abc", settings, {target: "def"}, {"input": target, "faces": []})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    with Journal(tmp_path / "out") as journal:
        journal.begin("s", {"options": {"scale": 2}})
        journal.done(entry("a.jpg"))
        journal.failed("b.jpg", "the file is empty")
        journal.done(entry("ü/c.jpg"))
    with Journal(tmp_path / "out") as journal:
        journal.done(entry("a.jpg", "other"))
    found = read_journal(tmp_path / "out")
    assert found == {"a.jpg": entry("a.jpg", "other"), "ü/c.jpg": entry("ü/c.jpg")}
    lines = [json.loads(line) for line in (tmp_path / "out" / NAME).read_text().splitlines()]
    assert [next(iter(line)) for line in lines] == ["run", "done", "failed", "done", "done"]


def test_there_is_none_yet(tmp_path: Path) -> None:
    assert read_journal(tmp_path) == {}
    assert read_journal(tmp_path / "missing") == {}


def test_a_kill_at_any_byte_loses_one_line_at_most(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.done(entry("a.jpg"))
        journal.done(entry("b.jpg"))
    content = (tmp_path / NAME).read_bytes()
    first = content.index(b"\n") + 1
    for end in range(first, len(content), 7):
        (tmp_path / NAME).write_bytes(content[:end])
        with Journal(tmp_path) as journal:
            journal.done(entry("c.jpg"))
        assert {"a.jpg", "c.jpg"} <= set(read_journal(tmp_path))


def test_lines_of_threads_do_not_mix(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        threads = [
            threading.Thread(target=lambda n=number: [journal.done(entry(f"{n}-{k}")) for k in range(5)])
            for number in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(read_journal(tmp_path)) == 20


def test_one_run_at_a_time(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from mien.archive.journal import Journal, JournalError\n"
        "try:\n  Journal(Path(sys.argv[1])).__enter__()\nexcept JournalError as error:\n  print(error)"
    )
    with Journal(tmp_path):
        said = subprocess.check_output([sys.executable, "-c", program, str(tmp_path)], text=True)
    assert said == f"another run is at work on {tmp_path}\n"
    with Journal(tmp_path) as journal:
        journal.done(entry("a.jpg"))


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(JournalError, match="cannot be written"), Journal(tmp_path / "file"):
        pass


def test_digests(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
    assert digest(tmp_path / "a") == known
    assert digest_of_json({"a": 1, "b": [2]}) == digest_of_json({"b": [2], "a": 1})
    assert digest_of_json({"a": 1}) != digest_of_json({"a": 2})
