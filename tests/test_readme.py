"""README.md does what it says: its Python and shell blocks run, in order, in a folder of their own.

A block that cannot run in a test (it installs, trains for hours, or serves) stands under
`<!-- not run -->`, and every line of it has to be a command of the few such kinds.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"

SHELL = {"bash", "sh", "shell", "console"}
NOT_RUN = re.compile(r"(make|pip|python3? -m pip|git clone|cd|source|mien train|mien serve|fabric run)\b")
"""What a block that is not run may do: install, train, or serve."""

BLOCK = re.compile(
    r"^(?P<mark><!-- not run -->\s*\n+)?^```(?P<language>\w+)[^\n]*\n(?P<code>.*?)^```[ \t]*$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    language: str
    code: str
    line: int
    runs: bool

    @property
    def commands(self) -> list[str]:
        """The lines that a reader types: in a console block those behind a `$`, without comments."""
        lines = self.code.replace("\\\n", " ").splitlines()
        if self.language == "console":
            lines = [line[2:] for line in lines if line.startswith("$ ")]
        return [line for line in lines if line.strip() and not line.strip().startswith("#")]


def read_blocks(markdown: str) -> list[Block]:
    """Every Python and shell block; other languages are only shown."""
    blocks = [
        Block(
            language=match["language"],
            code=match["code"],
            line=markdown[: match.start("language")].count("\n") + 1,
            runs=match["mark"] is None,
        )
        for match in BLOCK.finditer(markdown)
    ]
    return [block for block in blocks if block.language in SHELL | {"python"}]


def run(block: Block, folder: Path) -> subprocess.CompletedProcess[str]:
    """In `folder`, with the `mien` of this interpreter first on the path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    program = [sys.executable, "-c", block.code]
    if block.language in SHELL:
        program = ["bash", "-euo", "pipefail", "-c", "\n".join(block.commands)]
    return subprocess.run(
        program, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=300
    )


def test_the_blocks_of_the_readme_run(tmp_path):
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    blocks = read_blocks(README.read_text())
    assert {block.language for block in blocks if block.runs} > {"python"}, "a README with Python and a shell"
    for block in blocks:
        if block.runs:
            result = run(block, tmp_path)
            assert result.returncode == 0, f"README.md:{block.line}\n{result.stdout}\n{result.stderr}"


def test_only_installing_and_training_is_not_run():
    for block in read_blocks(README.read_text()):
        if not block.runs:
            assert block.language in SHELL, f"README.md:{block.line} is Python: it can run"
            strange = [command for command in block.commands if not NOT_RUN.match(command)]
            assert not strange, f"README.md:{block.line} can run: {strange}"


MADE = """
Some text with ```python in a line```.

```python
x = 1

print(x)
```

<!-- not run -->
```bash
make demo   # a comment
```

```console
$ echo first \\
  second
first second
$ echo third
third
```

```text
not code
```
"""


def test_blocks_are_found_with_their_language_and_line():
    python, bash, console = read_blocks(MADE)
    assert python == Block("python", "x = 1\n\nprint(x)\n", line=4, runs=True)
    assert (bash.language, bash.line, bash.runs) == ("bash", 11, False)
    assert (console.language, console.runs) == ("console", True)


def test_commands_are_what_a_reader_types():
    _, bash, console = read_blocks(MADE)
    assert bash.commands == ["make demo   # a comment"]
    assert [" ".join(command.split()) for command in console.commands] == ["echo first second", "echo third"]


@pytest.mark.parametrize(
    ("language", "code", "output"),
    [
        ("python", "from pathlib import Path\nprint(Path.cwd().name)", "here\n"),
        ("bash", "# a comment\nbasename $PWD\n", "here\n"),
        ("bash", "for i in 1 2; do\n  echo $i\ndone\n", "1\n2\n"),
        ("console", "$ echo typed\nprinted\n", "typed\n"),
    ],
)
def test_a_block_runs_in_its_folder(tmp_path, language, code, output):
    folder = tmp_path / "here"
    folder.mkdir()
    result = run(Block(language, code, line=1, runs=True), folder)
    assert (result.returncode, result.stdout) == (0, output)


@pytest.mark.parametrize(
    ("language", "code"),
    [("python", "1 / 0"), ("bash", "false\ntrue\n"), ("bash", "false | cat"), ("console", "$ exit 3")],
)
def test_a_block_that_fails_is_seen(tmp_path, language, code):
    assert run(Block(language, code, line=1, runs=True), tmp_path).returncode != 0
