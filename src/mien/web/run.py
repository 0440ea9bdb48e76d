"""The server at work, from its door to its farewell."""

import os
import signal
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import uvicorn

from mien.web.app import make_app
from mien.web.settings import ServeSettings
from mien.web.studio import Studio

FAREWELL_SECONDS = 3
"""That requests have to end when the server does."""


def run_server(
    studio: Studio, settings: ServeSettings, door: socket.socket, ready: Callable[[], None]
) -> None:
    """Until a signal; what visitors looked at is gone then. `ready` is called before the first is served."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # gradio asks when it is imported
    from mien.web.page import add_page

    with tempfile.TemporaryDirectory(prefix="mien-") as files:
        app = add_page(make_app(studio, settings), studio, settings, Path(files))
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=FAREWELL_SECONDS,
        )
        # the server hands a signal on after its own farewell; this one would end the process on the spot
        signal.signal(signal.SIGTERM, interrupt)
        try:
            ready()
            uvicorn.Server(config).run(sockets=[door])
        except KeyboardInterrupt:
            return


def interrupt(number: int, frame: FrameType | None) -> None:
    """A request to end is one, whoever sends it."""
    raise KeyboardInterrupt
