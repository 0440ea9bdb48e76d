"""`mien COMMAND`: finds the command, and turns what it says into an exit status.

Nothing heavy is imported before a command needs it, so that help comes at once.
"""

import os
import sys
from importlib import import_module

from mien.cli.arguments import (
    EXIT_BROKEN_PIPE,
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_STATUS,
    EXIT_USAGE,
    OutputError,
    UsageError,
)
from mien.cli.memory import keep_freed_memory

COMMANDS: dict[str, tuple[str, str]] = {
    "recover": ("mien.cli.recover", "recover the faces in photos"),
    "faces": ("mien.cli.faces", "find faces: boxes, points, crops"),
    "prepare": ("mien.cli.prepare", "write aligned faces for a recogniser"),
    "compare": ("mien.cli.compare", "say how likely two photos show the same person"),
    "render": ("mien.cli.render", "see a face from elsewhere, or save it as a mesh"),
    "turntable": ("mien.cli.turntable", "see a face from one side to the other"),
    "augment": ("mien.cli.augment", "write turned and uncovered copies of faces"),
    "synthesize": ("mien.cli.synthesize", "make pairs to learn to uncover and turn faces from"),
    "sample": ("mien.cli.sample", "draw faces of nobody"),
    "serve": ("mien.cli.serve", "show a page in the browser, and answer an API"),
    "inspect": ("mien.cli.inspect", "read what files say of how mien changed them"),
    "export": ("mien.cli.export", "write a model's network as an ONNX file"),
    "models": ("mien.cli.models", "list the models that come with mien"),
    "degrade": ("mien.cli.degrade", "damage pictures on purpose, the same way for the same seed"),
    "train": ("mien.cli.train", "train a model"),
    "convert": ("mien.cli.convert", "convert weights of other projects"),
    "build-morphable": ("mien.cli.build_morphable", "make the 3D model of faces anew"),
    "evaluate": ("mien.cli.evaluate", "judge a model on pictures with a known truth"),
}
"""Name to the module that has `run(arguments) -> exit status`, and to its line in the help."""


def main(arguments: list[str] | None = None) -> int:
    """Run `mien` with these arguments (else the process's); the exit status."""
    # idle threads of torch's OpenMP otherwise spin, and where other work wants the cores
    # that costs many times what it saves
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    name, *rest = (sys.argv[1:] if arguments is None else arguments) or [""]
    try:
        status = start(name, rest)
        sys.stdout.flush()  # a reader that went away is noticed here, not in the interpreter's last breath
    except UsageError as error:
        print(f"mien {name}: error: {error}", file=sys.stderr)
        return EXIT_USAGE
    except OutputError as error:
        print(f"mien {name}: error: {error}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("mien: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        silence_output()
        return EXIT_BROKEN_PIPE
    return status


def start(name: str, rest: list[str]) -> int:
    """One of the commands, or what is said about all of them."""
    if name in ("-h", "--help"):
        print(help_text())
        return EXIT_DONE
    if name == "--version":
        from importlib.metadata import version

        print(f"mien {version('mien')}")
        return EXIT_DONE
    if name not in COMMANDS:
        print(f"mien: error: {complaint(name)}", file=sys.stderr)
        return EXIT_USAGE
    keep_freed_memory()
    return import_module(COMMANDS[name][0]).run(rest)


def help_text() -> str:
    """What `mien --help` shows."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {summary}" for name, (_, summary) in COMMANDS.items()]
    return "\n".join(
        (
            "usage: mien COMMAND ...",
            "",
            "Recovers faces: from blurred, grainy and tiny pictures to a clear face of the same person.",
            "",
            *lines,
            "",
            "mien COMMAND --help explains a command, mien --version says which mien this is.",
            EXIT_STATUS,
        )
    )


def complaint(name: str) -> str:
    """What is wrong with a word that is no command."""
    if not name:
        return f"a command is missing: {', '.join(COMMANDS)} (mien --help explains them)"
    from difflib import get_close_matches

    close = get_close_matches(name, COMMANDS, n=1)
    advice = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(COMMANDS)}"
    return f"there is no command {name!r}; {advice}"


def silence_output() -> None:
    """Let nothing be written to a closed pipe any more, also not by the interpreter's end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
