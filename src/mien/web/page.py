"""The page beside the API."""

import asyncio
import os
from collections.abc import Callable
from hmac import compare_digest
from pathlib import Path

import gradio as gr
from fastapi import FastAPI
from gradio.themes import Default

from mien.web.events import Events
from mien.web.handlers import Handlers
from mien.web.layout import build
from mien.web.settings import ServeSettings
from mien.web.show import forget
from mien.web.studio import Studio

HERE = Path(__file__).parent
FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
"""Of the visitor's own machine: nothing is fetched."""
MORE_VISITORS = 4
"""Beyond those that may wait, so that they hear that the queue is full."""


def add_page(app: FastAPI, studio: Studio, settings: ServeSettings, files: Path) -> FastAPI:
    """The page at /; `files` is a folder for what visitors look at, and for nothing else."""
    # where no event loop runs gradio makes one for each of its locks, and never closes it
    return asyncio.run(mount(app, studio, settings, files))


async def mount(app: FastAPI, studio: Studio, settings: ServeSettings, files: Path) -> FastAPI:
    """All parts, connected and beside the API."""
    os.environ["GRADIO_TEMP_DIR"] = str(files)  # the only way to say so
    layout = build(studio, forget)
    Events(layout, Handlers(studio, app.state.desk, files)).connect()
    num_visitors = settings.places + MORE_VISITORS
    layout.blocks.queue(default_concurrency_limit=num_visitors, max_size=4 * num_visitors, api_open=False)
    return gr.mount_gradio_app(
        app,
        layout.blocks,
        path="/",
        auth=None if settings.token is None else token_holder(settings.token),
        auth_message="The password is the token of this server; any name will do.",
        footer_links=[],
        run_history=False,
        show_error=False,
        max_file_size=settings.max_bytes,
        ssr_mode=False,
        theme=Default(
            primary_hue="teal", neutral_hue="slate", font=FONTS, font_mono=("ui-monospace", "monospace")
        ),
        css_paths=[HERE / "page.css"],
        head_paths=[HERE / "page.html"],
    )


def token_holder(token: str) -> Callable[[str, str], bool]:
    """Who may see the page."""

    def may_enter(name: str, password: str) -> bool:
        return compare_digest(password.encode(), token.encode())

    return may_enter
