"""The command itself: its help, its exit status, and that it starts at once."""

import os
import subprocess
import sys

import pytest
from PIL import Image as Pillow

from mien.cli import arguments
from mien.cli.main import COMMANDS, main
from mien.data.photos import SUFFIXES
from mien.degrade.chain import PROFILES
from mien.evaluate.catalog import PROTOCOLS
from mien.faces.align import TEMPLATES
from mien.image.io import FORMATS, MAX_PIXELS, READABLE
from mien.models.restore.recover import RestoreSettings
from mien.recipes.catalog import RECIPES
from mien.runtime.choose import Runtime
from mien.zoo.cards import ZOO
from mien.zoo.portable import PORTABLE_PARTS

HEAVY = {"torch", "numpy", "PIL", "rich", "safetensors", "jaxtyping"}


def test_help_names_every_command(mien):
    ran = mien("--help")
    assert ran.status == 0
    for name, (_, summary) in COMMANDS.items():
        assert name in ran.out
        assert summary in ran.out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_exit_status(mien, command):
    ran = mien(command, "--help")
    assert ran.status == 0
    assert f"usage: mien {command}" in ran.out
    assert "Exit status: 0 all done, 1 some input failed" in ran.out


def test_version(mien):
    assert mien("--version").out.startswith("mien 0.")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "a command is missing"),
        (("recovr",), "did you mean 'recover'?"),
        (("modells",), "did you mean 'models'?"),
        (("xyz",), "there are recover, faces"),
        (("recover",), "required: INPUT"),
        (("recover", "a.jpg"), "say with -o"),
        (("recover", "a.jpg", "-o", "b", "--scale", "3"), "choose from"),
        (("recover", "a.jpg", "-o", "b", "--fidelity", "1.5"), "between 0 and 1"),
        (("recover", "a.jpg", "-o", "b", "--fidelity", "nan"), "between 0 and 1"),
        (("recover", "a.jpg", "-o", "b", "--batch-size", "0"), "1 or more"),
        (("recover", "a.jpg", "-o", "b", "--quality", "101"), "1 to 100"),
        (("recover", "a.jpg", "-o", "b", "--aligned", "--scale", "2"), "--scale cannot be had"),
        (("recover", "a.jpg", "-o", "b", "--model", "none"), "invalid choice: 'none'"),
        (("recover", "-", "--report", "-"), "cannot both"),
        (("degrade", "a.jpg", "-o", "b", "--seed", "-1"), "0 or more"),
        (("train", "restore", "--photos", "/nowhere", "--folder", "x"), "no such file or folder: /nowhere"),
        (("evaluate",), "required: PROTOCOL"),
    ],
)
def test_wrong_usage_is_2_and_says_why(mien, words, said):
    ran = mien(*words)
    assert ran.status == 2
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_an_interruption_is_one_line(mien, monkeypatch):
    def interrupt(words):
        raise KeyboardInterrupt

    monkeypatch.setattr("mien.cli.models.run", interrupt)
    ran = mien("models")
    assert (ran.status, ran.err) == (130, "mien: interrupted\n")


def test_a_mistake_of_ours_keeps_its_traceback(monkeypatch):
    def fail(words):
        raise ZeroDivisionError

    monkeypatch.setattr("mien.cli.models.run", fail)
    with pytest.raises(ZeroDivisionError):
        main(["models"])


@pytest.mark.skipif(os.name == "nt", reason="pipes of another kind")
def test_a_reader_that_goes_away_is_no_mistake():
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "mien", "--help"]
    ran = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert ran.returncode == 141
    assert ran.stderr == b""


@pytest.mark.parametrize("command", [[], *([name] for name in COMMANDS)])
def test_help_loads_nothing_heavy(command):
    program = f"""
import sys
from mien.cli.main import main
try:
    main({[*command, "--help"]})
except SystemExit:
    pass
print("loaded:", *{{name.split('.')[0] for name in sys.modules}})
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "usage: mien" in said
    assert not set(said.split("loaded:")[1].split()) & HEAVY


def test_names_written_out_are_the_library_s():
    assert set(arguments.MODELS) == set(ZOO)
    assert set(arguments.TEMPLATES) == set(TEMPLATES)
    assert set(arguments.PROFILES) == set(PROFILES)
    assert set(arguments.RECIPES) == set(RECIPES)
    assert tuple(PROTOCOLS) == arguments.PROTOCOLS
    assert arguments.Runtime == Runtime
    assert set(arguments.PORTABLE_PARTS) == set(PORTABLE_PARTS)
    assert set(arguments.WRITABLE) == set(FORMATS)
    assert set(SUFFIXES) <= set(arguments.READABLE)
    assert {Pillow.registered_extensions()[suffix] for suffix in arguments.READABLE} == set(READABLE)
    assert arguments.MAX_PIXELS == MAX_PIXELS
    assert RestoreSettings().batch_size == arguments.DEFAULT_BATCH_SIZE


def test_every_protocol_is_a_command(mien):
    said = mien("evaluate", "--help").out
    assert all(name in said for name in PROTOCOLS)


def test_python_m_mien():
    ran = subprocess.run(
        [sys.executable, "-m", "mien", "nonsense"], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert "there is no command 'nonsense'" in ran.stderr
