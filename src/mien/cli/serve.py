"""`mien serve`: a page and an API, on this machine alone unless it is told otherwise."""

import argparse
import os
import socket
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from mien.cli.arguments import (
    EXIT_DONE,
    MODEL_FILES,
    MODELS,
    Options,
    UsageError,
    add_device,
    make_parser,
    model_name,
    number_between,
    whole_number,
)
from mien.cli.inputs import one_line, reason

if TYPE_CHECKING:
    from mien.web.settings import ServeSettings
    from mien.web.studio import Studio

NOTES = f"""
The page is at http://127.0.0.1:PORT, the API's description at /api/docs there. Models that come with mien
are there by themselves, others by --model KIND:FILE ({", ".join(MODEL_FILES)}).

Networks work one request after the other; --waiting more may wait, and who comes then is told when to come
again. Photos are forgotten: by the API with its answer, by the page with the visit.

  mien serve
  mien serve --model frontal:frontal.safetensors --model prior:prior.safetensors
  MIEN_TOKEN=secret mien serve --host 0.0.0.0     for others in the network; the page asks for the token
"""
TOKEN_VARIABLE = "MIEN_TOKEN"
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class ServeArguments(argparse.Namespace):
    """What `mien serve` was asked for."""

    host: str
    port: int
    model: list[str]
    device: str
    token: str | None
    max_pixels: int
    max_megabytes: int
    seconds: float
    waiting: int


def make_serve_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = make_parser("serve", "Recover faces on a page in the browser, and by an API.", NOTES)
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default 127.0.0.1)")
    parser.add_argument(
        "--port", type=whole_number(0, 65535), default=7860, metavar="N", help="default 7860; 0 takes any"
    )
    parser.add_argument(
        "--model",
        action="append",
        type=model_name,
        default=[],
        metavar="KIND:FILE",
        help="a further model; may be given several times",
    )
    add_device(parser)
    add_limits(parser.add_argument_group("who may ask, and for how much"))
    return parser


def add_limits(group: Options) -> None:
    """Options on requests."""
    group.add_argument(
        "--token", help=f"what visitors must know (default: the variable {TOKEN_VARIABLE}, else nothing)"
    )
    for name, default, most, what in (
        ("max-pixels", 25_000_000, None, "of a picture"),
        ("max-megabytes", 32, 4096, "of a request"),
        ("waiting", 16, 10_000, "requests while one is worked on"),
    ):
        group.add_argument(
            f"--{name}",
            type=whole_number(0 if name == "waiting" else 1, most),
            default=default,
            metavar="N",
            help=f"{what} (default {default:,})",
        )
    group.add_argument(
        "--seconds",
        type=number_between(1, 86_400),
        default=120.0,
        metavar="S",
        help="that a request may take, waiting included (default 120)",
    )


def run(words: list[str]) -> int:
    """Serve until a signal."""
    asked = make_serve_parser().parse_args(words, ServeArguments())
    token = os.environ.get(TOKEN_VARIABLE) or None if asked.token is None else asked.token
    if token == "":
        raise UsageError("an empty --token keeps nobody out")
    if any(find_spec(name) is None for name in ("gradio", "fastapi", "uvicorn")):
        raise UsageError("serving needs further packages: pip install 'mien[web]'")
    with listen(asked.host, asked.port) as door:
        from mien.web.settings import ServeSettings

        settings = ServeSettings(
            asked.max_megabytes * 2**20, asked.max_pixels, asked.seconds, asked.waiting, token
        )
        serve(make_studio(asked, settings), settings, door)
    print("mien serve: stopped", file=sys.stderr)
    return EXIT_DONE


def listen(host: str, port: int) -> socket.socket:
    """The door, opened before anything heavy is loaded, so that a taken port is said at once."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise UsageError(f"cannot listen at {one_line(host)}, port {port}: {reason(error)}") from error


def make_studio(asked: ServeArguments, settings: "ServeSettings") -> "Studio":
    """All models, loaded before anybody comes; visitors hear no more of files than tells them apart."""
    from mien.cli.tools import load_finder, load_judge, load_model, load_reader
    from mien.describe import labels_of
    from mien.web.studio import Studio

    names = labels_of((*MODELS, *asked.model))
    return Studio(
        {label: load_model(name, asked.device, "auto") for label, name in names.items()},
        settings.max_pixels,
        load_finder(asked.device),
        load_judge(asked.device),
        load_reader(asked.device),
    )


def serve(studio: "Studio", settings: "ServeSettings", door: socket.socket) -> None:
    """Until a signal."""
    from mien.web.run import run_server

    host, port = door.getsockname()[:2]
    place = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def greet() -> None:
        print(f"mien serve: {place} (API: {place}/api/docs), Ctrl-C stops it", flush=True)
        if host not in LOOPBACK and settings.token is None:
            print("mien serve: whoever can reach this machine can use it; see --token", file=sys.stderr)

    run_server(studio, settings, door, greet)
