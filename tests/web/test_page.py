"""The page without a browser: what it is made of, what its handlers do, and that nothing stays."""

import asyncio
import io
import re
import socket
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient
from PIL import Image as Pillow

from mien.image.io import read_image
from mien.image.mark import read_marks
from mien.web.app import make_app
from mien.web.desk import Desk
from mien.web.errors import RefusedError
from mien.web.events import Events, layers_of
from mien.web.handlers import Asked, Handlers, read_upload, summary
from mien.web.layout import build
from mien.web.page import add_page, token_holder
from mien.web.show import forget, mask_of

DOC = Path(__file__).parents[2] / "docs" / "tasks" / "serve.md"


def test_the_page_comes_from_here_alone(studio, settings, tmp_path, monkeypatch):
    def refuse(*address):
        raise AssertionError(f"asked for {address}")

    monkeypatch.setenv("GRADIO_TEMP_DIR", "")  # put back afterwards
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    app = add_page(make_app(studio, settings), studio, settings, tmp_path)
    with TestClient(app) as client:
        page = client.get("/").text
        assert "default-src 'self'" in client.get("/").headers["content-security-policy"]
        assert client.get("/api/health").json()["status"] == "ok"
    loaded = re.findall(r"""<(?:script|link|img)[^>]+(?:src|href)=["']?(https?:)?//""", page)
    assert not loaded
    for words in ("Minimum identity", "Good photos of the same person", "Turntable"):
        assert words in page


def test_the_token_is_the_page_s_password():
    may_enter = token_holder("secret")
    assert may_enter("anybody", "secret")
    assert not may_enter("anybody", "Secret")


@pytest.fixture
def handlers(studio, tmp_path):
    desk = Desk(2, 20.0)
    yield Handlers(studio, desk, tmp_path / "files")
    desk.close()


@pytest.fixture
def asked(tmp_path, make_picture):
    (tmp_path / "old.png").write_bytes(make_picture(80, 60))
    return lambda **changes: Asked(
        **{
            "photo": str(tmp_path / "old.png"),
            "model": "restore",
            "other": "",
            "fidelity": 0.0,
            "min_identity": None,
            "scale": 1,
            "only_largest": False,
            "match_colors": False,
            "only_face": False,
            "references": (),
            "any_person": False,
            "layers": (),
            "canvas": None,
            **changes,
        }
    )


def carry_out(handlers, work):
    async def follow():
        return [part async for part in handlers.follow("somebody", work)]

    *progress, (answer,) = asyncio.run(follow())
    assert all('role="progressbar"' in part for part in progress)
    return answer


def test_a_result_is_files_in_a_folder_that_is_forgotten(handlers, asked):
    shown = carry_out(handlers, handlers.recover(asked(other="rotate", scale=2), None))
    assert [result.model for result in shown.results] == ["restore", "rotate"]
    assert shown.results[0].faces[0].sentence.startswith("41 % of this face was seen, identity")
    photo, faces, report = map(Path, shown.downloads)
    assert read_image(photo).shape == (3, 120, 160)
    told = {name: len(read_marks(content)) for name, content in unpacked(faces).items()}
    assert len(told) == 6
    assert told == {name: "before" not in name for name in told}
    (mark,) = read_marks(photo.read_bytes())
    assert (mark.model, mark.faces[0].box) == ("restore", (50, 30, 110, 90))
    assert "restore" in report.read_text()
    assert "1 face recovered in 2.0 s." in summary(shown, 2.0)
    again = carry_out(handlers, handlers.recover(asked(), shown))
    assert not Path(shown.folder).exists()
    forget(again)
    assert not [*handlers.files.iterdir()]


def test_evidence_is_shown_where_faces_alone_were_pasted(handlers, asked, monkeypatch):
    def left_half(faces, groups):
        half = torch.ones_like(faces[:, :1])
        half[..., faces.shape[-1] // 2 :] = 0
        return half

    monkeypatch.setattr("mien.pipeline.find_parts", left_half)
    shown = carry_out(handlers, handlers.recover(asked(only_face=True), None))
    photo = shown.results[0].photo
    before, after, evidence = map(read_image, (photo.before, photo.after, photo.evidence))
    for picture in (after, evidence):
        changed = (picture - before).abs().amax(0) > 0.08  # more than JPEG does
        assert changed[30, 35]
        assert not changed[:, 48:].any()


def unpacked(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("model", ["restore", "rotate"])
def test_a_face_turns_by_its_model_or_its_shape(handlers, asked, model, monkeypatch):
    def views(photo, face, yaws, read):
        return [photo[:, :40, :40] * (number + 1) / len(yaws) for number in range(len(yaws))]

    monkeypatch.setattr("mien.web.studio.turn_face", views)
    shown = carry_out(handlers, handlers.recover(asked(model=model, scale=2), None))
    still = carry_out(handlers, handlers.turn(shown, 0, [30.0]))
    assert still.endswith(".jpg")
    if model == "rotate":
        assert float(read_image(still).mean()) == pytest.approx(0.65, abs=0.02)
    moving = carry_out(handlers, handlers.turn(shown, 0, [-30.0, 30.0]))
    with Pillow.open(moving) as picture:
        assert (picture.format, picture.n_frames) == ("WEBP", 2)
    for path in (still, moving):
        (mark,) = read_marks(Path(path).read_bytes())
        assert (mark.model, mark.faces[0].evidence) == (model, 0.41)


def test_what_is_painted_becomes_a_mask_of_the_photo(handlers, asked):
    canvas = handlers.prepare_canvas(asked().photo)
    layer = np.zeros((30, 40, 4), np.uint8)
    layer[:, 20:, 3] = 255
    (painted,) = layers_of({"background": None, "layers": [layer], "composite": None})
    mask = read_image(io.BytesIO(mask_of([painted], 60, 80).content))
    assert mask.shape == (3, 60, 80)
    assert (float(mask[:, :, :38].max()), float(mask[:, :, 42:].min())) == (0, 1)
    shown = carry_out(
        handlers, handlers.recover(asked(model="rotate", layers=(painted,), canvas=canvas), None)
    )
    assert float(read_image(shown.downloads[0])[:, 30, 40].mean()) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"photo": None}, "There is no photo yet."), ({"model": "guided"}, "Guided needs references")],
)
def test_what_cannot_be_done_is_a_sentence(handlers, asked, changes, said):
    with pytest.raises(RefusedError, match=said):
        carry_out(handlers, handlers.recover(asked(**changes), None))


def test_whatever_takes_a_while_ends_though_it_failed(studio, handlers, asked, broken):
    async def connected():  # without an event loop gradio makes its own and leaves them open
        events = Events(build(studio, forget), handlers)
        events.connect()
        return events

    events = asyncio.run(connected())
    layout, fns = events.layout, events.layout.blocks.fns
    busy = {number for number, fn in fns.items() if layout.inputs.cancel in fn.outputs}
    revived = {number: fn.trigger_after for number, fn in fns.items() if fn.trigger_only_on_failure}
    assert len(revived) == 3
    assert busy - set(revived) == set(revived.values())
    studio.models["restore"] = broken
    with pytest.raises(KeyError):  # as gradio hears of it, which writes its trace and calls for `fail`
        carry_out(handlers, handlers.recover(asked(), None))
    assert handlers.desk.num_open == 0
    changes = events.fail()
    assert "mistake of ours" in changes[layout.outputs.status]
    assert changes[layout.inputs.recover]["interactive"]
    assert not changes[layout.inputs.cancel]["interactive"]


def test_the_document_s_program_runs(studio, settings, serve, tmp_path, make_picture, monkeypatch, capsys):
    address = serve(make_app(studio, settings))
    monkeypatch.chdir(tmp_path)
    Path("old.jpg").write_bytes(make_picture(format_name="JPEG"))
    (program,) = re.findall(r"```python\n(.*?)```", DOC.read_text(), re.DOTALL)
    exec(program.replace("http://127.0.0.1:7860", address), {})
    assert read_image("new.png").shape == (3, 48, 60)
    assert "41 % of this face was seen" in capsys.readouterr().out


def test_an_upload_that_is_gone_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match=r'"old.jpg" is no longer there'):
        read_upload(str(tmp_path / "old.jpg"), "a photo")
