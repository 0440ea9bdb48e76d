"""`mien serve` as a command: what it refuses before anything is loaded, and that it comes and goes."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from mien.cli import serve
from mien.cli.arguments import MODELS
from mien.cli.serve import listen


def test_a_port_that_is_taken_is_said(mien):
    with listen("127.0.0.1", 0) as door:
        ran = mien("serve", "--port", door.getsockname()[1])
    assert ran.status == 2
    assert "cannot listen at 127.0.0.1, port" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--host", "no such host.invalid"), "cannot listen at no such host.invalid"),
        (("--port", "70000"), "0 to 65535"),
        (("--model", "none"), "invalid choice: 'none'"),
        (("--seconds", "0"), "between 1 and 86400"),
        (("--max-pixels", "0"), "1 or more"),
        (("--token", ""), "keeps nobody out"),
    ],
)
def test_what_cannot_be_meant_is_refused(mien, words, said):
    ran = mien("serve", *words)
    assert ran.status == 2
    assert said in ran.err


def test_missing_packages_are_named_with_the_command_that_installs_them(mien, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(serve, "find_spec", lambda name: None if name == "gradio" else found(name))
    ran = mien("serve")
    assert (ran.status, ran.err.count("\n")) == (2, 1)
    assert "pip install 'mien[web]'" in ran.err


def test_a_model_that_cannot_be_loaded_is_said_before_anybody_comes(mien, studio, monkeypatch, tmp_path):
    def load(name, *others):
        raise ValueError("the file is broken")

    monkeypatch.setattr("mien.zoo.load.load", load)
    ran = mien("serve", "--port", 0, "--model", f"rotate:{tmp_path / 'x'}")
    assert (ran.status, "the file is broken" in ran.err) == (2, True)


def test_everything_is_handed_on(mien, studio, monkeypatch):
    handed = []
    monkeypatch.setattr(serve, "serve", lambda *them: handed.append(them))
    monkeypatch.setenv("MIEN_TOKEN", "secret")
    words = ("--max-megabytes", 2, "--max-pixels", 99, "--seconds", 7, "--waiting", 3)
    assert mien("serve", "--port", 0, "--model", "rotate:/x/new.safetensors", *words).status == 0
    ((made, settings, door),) = handed
    assert [*made.models] == [*MODELS, "rotate:new"]
    assert studio.runtimes == ["auto"] * len(made.models)
    assert (settings.max_bytes, settings.max_pixels) == (2 * 2**20, 99)
    assert (settings.seconds, settings.places, settings.token) == (7.0, 3, "secret")
    assert isinstance(door, socket.socket)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_server_comes_and_goes(tmp_path, number):
    command = [sys.executable, "-m", "mien", "serve", "--port", "0"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
        said = server.stdout.readline()
        place = said.split()[2]
        with urllib.request.urlopen(f"{place}/api/health", timeout=60) as answer:
            assert json.load(answer)["status"] == "ok"
        with urllib.request.urlopen(place, timeout=60) as answer:
            assert b"mien" in answer.read()
        server.send_signal(number)
        assert server.wait(60) == 0
    assert not [*Path(tmp_path).glob("mien-*")], "nothing of visitors stays"
