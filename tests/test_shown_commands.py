"""Every `mien ...` that a help text or a page shows is understood by the command's parser, run or not."""

import argparse
import importlib.util
import os
import re
import shlex
from pathlib import Path

import pytest

from mien.cli.main import COMMANDS, main

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "TRAINING.md", *(ROOT / "docs").rglob("*.md")])
COMMAND = re.compile(r"^(?:MIEN_\w+=\S+ )?mien (?P<words>[^<>|]*)")

spec = importlib.util.spec_from_file_location("readme_blocks", Path(__file__).parent / "test_readme.py")
assert spec is not None
assert spec.loader is not None
readme = importlib.util.module_from_spec(spec)
spec.loader.exec_module(readme)


class UnderstoodError(Exception):
    """The words were parsed."""


@pytest.fixture
def parse_only(monkeypatch):
    """Ends every command where its arguments were understood."""
    parse = argparse.ArgumentParser.parse_args

    def parse_and_end(self, *given):
        parse(self, *given)
        raise UnderstoodError

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_and_end)


def words_of(line: str) -> list[str] | None:
    """What follows `mien`, without the comment behind it; None of other lines."""
    found = COMMAND.match(line.strip())
    if found is None:
        return None
    return shlex.split(re.split(r" {2,}", found["words"].strip())[0], comments=True)


def assert_understood(words: list[str], where: str) -> None:
    if words in (["--help"], ["--version"]):
        return
    try:
        main(words)
    except UnderstoodError:
        return
    except SystemExit:
        pass
    pytest.fail(f"{where}: not understood: mien {shlex.join(words)}")


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_in_help_are_understood(command, parse_only, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    lines = capsys.readouterr().out.splitlines()
    for line in lines:
        if line.startswith("  ") and (words := words_of(line)) is not None:
            assert_understood(words, f"mien {command} --help")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: os.path.relpath(page, ROOT))
def test_commands_on_pages_are_understood(page, parse_only):
    for block in readme.read_blocks(page.read_text()):
        for line in block.commands:
            if block.language in readme.SHELL and (words := words_of(line)) is not None:
                assert_understood(words, f"{page.name}:{block.line}")
