"""The page in a real browser, with models that cost nothing. CHROMIUM says where the browser is."""

import io
import json
import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image as Pillow

from mien.image.io import read_image
from mien.web.app import make_app
from mien.web.page import add_page

pytestmark = pytest.mark.slow
playwright = pytest.importorskip("playwright.sync_api")

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
PATIENCE = 120_000
"""Milliseconds: a busy machine is no mistake of the page."""


@pytest.fixture(scope="module")
def browser():
    if not Path(CHROMIUM).exists():
        pytest.skip(f"there is no browser at {CHROMIUM}")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


class Visitor:
    """Somebody with the page open."""

    def __init__(self, browser, address, width=1280, scheme="light"):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE)
        self.asked, self.mistakes = [], []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.mistakes.append(str(error)))
        self.page.goto(address)
        self.page.wait_for_selector("#recover")

    def give(self, name, content):
        file = {"name": name, "mimeType": "image/png", "buffer": content}
        self.page.set_input_files("#photo input[type=file]", file)
        self.page.wait_for_selector("#photo button[aria-label='Clear'], #photo img")
        self.page.wait_for_timeout(1500)

    def choose(self, where, name):
        self.page.click(f"{where} input")
        self.page.click(f"ul[role=listbox] li:has-text('{name}')")

    def recover(self):
        self.page.click("#recover:not([disabled])")

    def says(self):
        return self.page.inner_text("#status")

    def wait_for(self, words):
        self.page.wait_for_selector(f"#status >> text={words}")

    def open(self, tab):
        self.page.click(f"button[role=tab]:has-text('{tab}')")

    def download(self, what):
        with self.page.expect_download() as waiting:
            self.page.click(f"#download-{what}")
        return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()

    def is_wide_enough(self):
        """Whether nothing has to be scrolled sideways for."""
        return self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")

    def asks_nobody_else(self, address):
        own = (address, "data:", "blob:")
        return [url for url in self.asked if not url.startswith(own)] == [] and self.mistakes == []


@pytest.fixture
def address(studio, settings, serve, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")  # put back afterwards
    app = make_app(studio, settings)
    with ThreadPoolExecutor(1) as pool:  # in this thread the browser's driver has its event loop
        pool.submit(add_page, app, studio, settings, tmp_path / "files").result()
    return serve(app)


@pytest.fixture
def visit(browser, address):
    visitors = []

    def open_page(**how):
        visitors.append(Visitor(browser, address, **how))
        return visitors[-1]

    yield open_page
    for visitor in visitors:
        assert visitor.asks_nobody_else(address)
        visitor.page.context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_a_photo_is_recovered_looked_at_and_saved(visit, make_picture, tmp_path, width, scheme):
    visitor = visit(width=width, scheme=scheme)
    visitor.page.screenshot(path=tmp_path / "start.png", full_page=True)
    visitor.give("old.png", make_picture(240, 200))
    visitor.page.focus("#recover")
    visitor.page.keyboard.press("Enter")
    visitor.wait_for("1 face recovered")
    bar = "#photo-slider [data-testid=slider]"
    visitor.page.wait_for_selector(f"{bar}[role=slider]")
    before = float(visitor.page.get_attribute(bar, "aria-valuenow"))
    visitor.page.focus(bar)
    for _ in range(4):
        visitor.page.keyboard.press("ArrowLeft")
        visitor.page.wait_for_timeout(150)
    assert float(visitor.page.get_attribute(bar, "aria-valuenow")) == pytest.approx(before - 20, abs=3)
    visitor.page.check("#evidence input")
    visitor.page.wait_for_selector("text=Face 1: 41 % of this face was seen, identity")
    visitor.page.wait_for_selector("#photo-slider img[src*=evidence]", state="attached")
    visitor.page.screenshot(path=tmp_path / "photo.png", full_page=True)
    visitor.open("Faces")
    visitor.page.wait_for_selector("#face-slider img[src*=face0_evidence]", state="attached")
    visitor.page.uncheck("#evidence input")
    visitor.page.wait_for_selector("#face-slider img[src*=face0_after]", state="attached")
    visitor.page.screenshot(path=tmp_path / "faces.png", full_page=True)
    assert visitor.is_wide_enough()
    name, content = visitor.download("photo")
    assert name == "old_recovered.png"
    assert read_image(io.BytesIO(content)).shape == (3, 200, 240)
    name, content = visitor.download("faces")
    assert name == "old_faces.zip"
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert names == [f"restore/01_{kind}.png" for kind in ("before", "after", "evidence")]
    name, content = visitor.download("report")
    told = json.loads(content)
    assert (name, told["input"], len(told["results"][0]["faces"])) == ("old_report.json", "old.png", 1)


def test_references_help_and_two_models_are_compared(visit, make_picture):
    visitor = visit()
    visitor.give("old.png", make_picture(240, 200))
    visitor.choose("#model", "guided")
    visitor.page.wait_for_selector("#for-guidable:visible")
    visitor.recover()
    visitor.wait_for("Guided needs references")
    references = [
        {"name": f"{seed}.png", "mimeType": "image/png", "buffer": make_picture(80, 80, seed=seed)}
        for seed in (1, 2)
    ]
    visitor.page.set_input_files("#references input[type=file]", references)
    visitor.page.wait_for_selector("#references [aria-label='2.png']")
    visitor.page.click("button:has-text('More')")
    visitor.choose("#other", "restore")
    visitor.recover()
    visitor.wait_for("guided by reference 1")
    visitor.page.wait_for_selector("#other-photo-slider img", state="attached")
    visitor.page.check("#evidence input")
    visitor.page.wait_for_selector(
        "text=guided, face 1: 41 % of this face was seen, 30 % lent by a reference"
    )
    visitor.page.wait_for_selector("text=restore, face 1: 41 % of this face was seen, identity")
    _, content = visitor.download("faces")
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert {name.partition("/")[0] for name in names} == {"guided", "restore"}


def test_a_cover_is_painted_and_a_head_turned(visit, make_picture, studio):
    visitor = visit()
    visitor.give("old.png", make_picture(240, 200))
    visitor.choose("#model", "rotate")
    visitor.page.click("#cover label:has-text('is what I paint')")
    visitor.page.wait_for_selector("#editor canvas")
    visitor.page.wait_for_timeout(4000)
    canvas = visitor.page.locator("#editor canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    visitor.page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.5 * box["height"])
    visitor.page.mouse.down()
    visitor.page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.5 * box["height"], steps=8)
    visitor.page.mouse.up()
    visitor.page.wait_for_timeout(3000)
    visitor.recover()
    visitor.wait_for("1 face recovered")
    _, content = visitor.download("photo")
    middle = float(read_image(io.BytesIO(content))[:, 100, 120].mean())
    assert 0.001 < middle < 0.3, "the mean of the mask, of which little was painted"
    visitor.open("Turn")
    visitor.page.fill("#yaw input[type=number]", "30")
    visitor.page.click("#turn")
    visitor.wait_for("Turned.")
    visitor.page.wait_for_selector("#turned img[src*='.jpg']")
    visitor.page.click("#turntable")
    visitor.wait_for("The turntable goes")
    visitor.page.wait_for_selector("#turned img[src*='.webp']")
    visitor.page.wait_for_selector("text=Turned by rotate.")


def test_a_file_that_is_no_picture_is_a_sentence(visit, make_picture):
    visitor = visit()
    visitor.recover()
    visitor.wait_for("There is no photo yet.")
    visitor.give("diary.png", b"Dear diary")
    visitor.recover()
    visitor.wait_for("not a picture of a known format")
    assert "/" not in visitor.says()
    large = io.BytesIO()
    Pillow.new("RGB", (400, 300)).save(large, "PNG")
    visitor.page.reload()
    visitor.page.wait_for_selector("#recover")
    visitor.give("large.png", large.getvalue())
    visitor.recover()
    visitor.wait_for("400 x 300 pixels, more than the limit")


def test_a_mistake_of_ours_is_a_sentence_and_the_page_goes_on(visit, make_picture, studio, broken):
    whole, studio.models["restore"] = studio.models["restore"], broken
    visitor = visit()
    visitor.give("old.png", make_picture(240, 200))
    visitor.recover()
    visitor.wait_for("Something went wrong in the server")
    assert "secret" not in visitor.page.content()
    studio.models["restore"] = whole
    visitor.recover()
    visitor.wait_for("1 face recovered")


def test_what_is_cancelled_ends_and_others_go_on(visit, make_picture, slow):
    first, second = visit(), visit()
    first.give("first.png", make_picture(240, 200))
    second.give("second.png", make_picture(200, 240, seed=1))
    first.choose("#model", "slow")
    first.page.click("#recover")
    assert slow.begun.wait(60)
    second.page.click("#recover")
    second.wait_for("Waiting for 1 before you")
    first.page.click("#cancel:not([disabled])")
    first.page.wait_for_timeout(1500)
    slow.go.set()
    first.wait_for("The work was stopped.")
    second.wait_for("1 face recovered")
    first.choose("#model", "restore")
    first.recover()
    first.wait_for("1 face recovered")
    for visitor, name, size in ((first, "first", [240, 200]), (second, "second", [200, 240])):
        told = json.loads(visitor.download("report")[1])
        assert (told["input"], told["results"][0]["size"]) == (f"{name}.png", size)
