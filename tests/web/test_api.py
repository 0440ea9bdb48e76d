"""The API's routes, limits, token and errors, with models that cost nothing."""

import base64
import io
import json
import threading
from dataclasses import fields, replace

import pytest
import torch
from fastapi.testclient import TestClient
from PIL import Image as Pillow

from mien.describe import labels_of
from mien.image.io import read_image
from mien.image.mark import Mark, marked, read_marks
from mien.web.answers import Faces, Report, ToldFace, ToldRecovery
from mien.web.app import make_app
from mien.web.desk import Desk


def send(client, content, path="/api/recover", accept="application/json", name="old.png", **form):
    return client.post(path, files={"picture": (name, content)}, data=form, headers={"Accept": accept})


def pixels(response):
    return read_image(io.BytesIO(response.content))


def is_sentence(response, status, *words):
    told = response.json()
    assert response.status_code == status, response.text
    assert set(told) == {"error"}
    assert told["error"][0].isupper() or told["error"][0].isdigit()
    assert told["error"].endswith(".")
    for word in words:
        assert word in told["error"]
    return True


def test_health_says_what_there_is(client):
    told = client.get("/api/health").json()
    assert told["status"] == "ok"
    assert told["models"] == ["restore", "guided", "rotate", "slow"]
    assert (told["working"], told["places"]) == (0, 2)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "image/png"),
        ("image/*", "image/png"),
        ("image/jpeg", "image/jpeg"),
        ("image/webp, */*;q=0.1", "image/webp"),
        ("text/html, image/jpeg;q=0.9, image/png;q=0.5", "image/jpeg"),
        ("application/json", "application/json"),
    ],
)
def test_the_answer_is_what_is_accepted(client, make_picture, accept, kind):
    assert send(client, make_picture(), accept=accept).headers["content-type"].startswith(kind)


def test_the_picture_comes_back_with_its_faces_recovered(client, make_picture):
    before = read_image(io.BytesIO(make_picture()))
    after = pixels(send(client, make_picture(), accept="image/png"))
    assert float((after - before)[:, 24, 30].mean()) == pytest.approx(0.3, abs=0.02)
    assert torch.equal(after[:, :, 0], before[:, :, 0])


def test_the_report_has_what_its_description_says(client, make_picture):
    told = send(client, make_picture()).json()
    assert {field.name for field in fields(Report)} == {*told, "photo"}
    (face,) = told["faces"]
    assert {field.name for field in fields(ToldRecovery)} == {*face, "guidance", "pictures"}
    assert face["sentence"].startswith("41 % of this face was seen, identity ")
    assert (told["size"], told["model"]) == ([60, 48], "restore")


def test_the_report_has_pictures_if_that_is_asked_for(client, make_picture):
    told = send(client, make_picture(), pictures="true").json()
    photo = read_image(io.BytesIO(base64.b64decode(told["photo"])))
    assert torch.equal(photo, pixels(send(client, make_picture(), accept="image/png")))
    pictures = told["faces"][0]["pictures"]
    assert set(pictures) == {"before", "after", "evidence"}
    for text, num_marks in ((told["photo"], 1), (pictures["evidence"], 1), (pictures["before"], 0)):
        assert len(read_marks(base64.b64decode(text))) == num_marks


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_the_picture_says_what_was_done_to_it(client, make_picture, kind):
    earlier = marked(make_picture(), Mark("0.0.1", "restore", 0, ()))
    answer = send(client, earlier, accept=f"image/{kind}", model="rotate", yaw="30").content
    first, second = read_marks(answer)
    assert (first.version, second.model, second.num_faces) == ("0.0.1", "rotate", 1)
    assert second.faces[0].evidence == 0.41
    scaled = read_marks(send(client, make_picture(), accept=f"image/{kind}", scale="2").content)
    assert scaled[0].faces[0].box == (36, 24, 84, 72)
    left = send(client, make_picture(), accept=f"image/{kind}", min_identity="1").content
    assert read_marks(left) == ()


def test_wishes_reach_the_model(client, make_picture):
    def middle(**form):
        return float(pixels(send(client, make_picture(), accept="image/png", **form))[:, 24, 30].mean())

    plain = middle()
    assert middle(fidelity="1") == pytest.approx(plain - 0.3, abs=0.02)
    assert middle(min_identity="1") == pytest.approx(plain - 0.3, abs=0.02), "none is alike enough"
    assert pixels(send(client, make_picture(), accept="image/png", scale="2")).shape == (3, 96, 120)


def test_faces_alone_are_pasted(client, make_picture, monkeypatch):
    def left_half(faces, groups):
        half = torch.ones_like(faces[:, :1])
        half[..., faces.shape[-1] // 2 :] = 0
        return half

    monkeypatch.setattr("mien.pipeline.find_parts", left_half)
    before = read_image(io.BytesIO(make_picture()))
    changed = (pixels(send(client, make_picture(), accept="image/png", only_face="true")) != before).any(0)
    assert changed[24, 26]
    assert not changed[:, 33:].any()


def test_files_of_one_name_are_told_apart_in_all_that_is_said(studio, settings, make_picture):
    """What tells them apart is part of the label, and not taken off where it is said."""
    names = labels_of(["prior:/home/me/a/x.pt", "prior:/home/me/b/x.pt", "prior:/home/me/b/x.pth"])
    studio.models = dict.fromkeys(names, studio.models["restore"])
    with TestClient(make_app(studio, settings)) as client:
        assert client.get("/api/health").json()["models"] == ["prior:a/x", "prior:x-1", "prior:x-2"]
        for label in names:
            told = send(client, make_picture(), model=label).json()
            assert (told["model"], told["faces"][0]["model"]) == (label, label)
            (mark,) = read_marks(send(client, make_picture(), accept="image/png", model=label).content)
            assert mark.model == label
            assert "home" not in label


def test_references_and_masks_reach_the_model(client, make_picture):
    files = [("picture", ("old.png", make_picture())), ("references", ("a.png", make_picture(seed=1)))]
    guided = client.post(
        "/api/recover", files=files, data={"model": "guided"}, headers={"Accept": "application/json"}
    )
    assert guided.json()["faces"][0]["guidance"]["reference"] == 1
    files = [("picture", ("old.png", make_picture())), ("mask", ("m.png", make_picture(seed=2)))]
    uncovered = client.post("/api/recover", files=files, data={"model": "rotate"})
    mask = read_image(io.BytesIO(make_picture(seed=2)))
    assert float(pixels(uncovered)[:, 24, 30].mean()) == pytest.approx(float(mask.mean()), abs=0.05)


def test_turned_heads_come_alone(client, make_picture):
    turned = send(client, make_picture(), accept="image/png", model="rotate", yaw="30")
    assert pixels(turned).shape == (3, 64, 64)
    assert float(pixels(turned).mean()) == pytest.approx(0.65, abs=0.01)
    put_back = send(client, make_picture(), accept="image/png", model="rotate", yaw="30", paste="true")
    assert pixels(put_back).shape == (3, 48, 60)


def test_faces_are_found_and_read(client, make_picture):
    told = send(client, make_picture(), "/api/faces").json()
    assert {field.name for field in fields(Faces)} == set(told)
    (face,) = told["faces"]
    assert {field.name for field in fields(ToldFace)} == set(face)
    assert face["reading"]["yaw"] == pytest.approx(20, abs=0.1)


def test_a_picture_without_faces_comes_back(client):
    black = io.BytesIO()
    Pillow.new("RGB", (60, 48)).save(black, "PNG")
    told = send(client, black.getvalue())
    assert (told.status_code, told.json()["faces"]) == (200, [])
    assert float(pixels(send(client, black.getvalue(), accept="image/png")).max()) == 0


@pytest.mark.parametrize(
    ("form", "status", "words"),
    [
        ({"model": "none"}, 422, ["no model 'none'", "restore, guided"]),
        ({"model": "guided"}, 422, ["needs references"]),
        ({"yaw": "20"}, 422, ["Yaw: restore leaves heads"]),
        ({"fidelity": "2"}, 422, ["fidelity", "less than or equal to 1"]),
        ({"fidelity": "much"}, 422, ["fidelity", "valid number"]),
        ({"fidelity": "nan"}, 422, ["fidelity"]),
        ({"scale": "3"}, 422, ["scale"]),
        ({"keep": "nose", "model": "rotate"}, 422, ["keep"]),
        ({"scale": "4"}, 413, ["4 times 100 x 90", "limit of 100,000"]),
    ],
)
def test_wishes_that_cannot_be_meant(client, make_picture, form, status, words):
    assert is_sentence(send(client, make_picture(100, 90), **form), status, *words)


@pytest.mark.parametrize("path", ["/api/recover", "/api/faces"])
def test_pictures_that_are_none(client, make_picture, path):
    assert is_sentence(send(client, b"Dear diary", path), 415, "old.png", "not a picture of a known format")
    assert is_sentence(send(client, b"", path), 422, "is empty")
    assert is_sentence(send(client, make_picture()[:2000], path), 422, "broken")
    assert is_sentence(send(client, make_picture(400, 300), path), 413, "400 x 300 pixels")
    assert is_sentence(client.post(path), 422, "picture", "required")
    assert is_sentence(client.post(path, json={"picture": "x"}), 422, "picture")
    torn = {"Content-Type": "multipart/form-data"}
    assert is_sentence(client.post(path, content=b"--x\r\nnothing", headers=torn), 400, "boundary")


def test_what_is_wrong_with_other_files_is_said_too(client, make_picture):
    files = [("picture", ("old.png", make_picture())), ("references", ("b.jpg", b"text"))]
    assert is_sentence(client.post("/api/recover", files=files, data={"model": "guided"}), 415, "jpg")
    files = [("picture", ("old.png", make_picture())), ("mask", ("m.png", make_picture(61, 48)))]
    assert is_sentence(
        client.post("/api/recover", files=files, data={"model": "rotate"}), 422, "61 x 48", "60 x 48"
    )


def test_nothing_says_where_the_server_keeps_things(client):
    told = send(client, b"text", name="/etc/secret/../old\r\n.png").json()["error"]
    assert "/" not in told
    assert "\n" not in told


def test_too_many_bytes(client, settings):
    large = b"x" * (settings.max_bytes + 1)
    assert is_sentence(send(client, large), 413, "1 MiB")
    # without a length in its head
    head = {"Content-Type": "multipart/form-data; boundary=x"}
    start = b'--x\r\nContent-Disposition: form-data; name="picture"; filename="a"\r\n\r\n'
    parts = iter([start, *[b"x" * 2**18] * 5, b"\r\n--x--\r\n"])
    assert is_sentence(client.post("/api/recover", content=parts, headers=head), 413, "1 MiB")


def test_an_answer_that_there_is_not(client, make_picture):
    assert is_sentence(send(client, make_picture(), accept="text/html"), 406, "image/png")


def test_a_token(studio, settings, make_picture):
    with TestClient(make_app(studio, replace(settings, token="open sesame"))) as client:
        assert client.get("/api/health").status_code == 200
        refused = send(client, make_picture())
        assert is_sentence(refused, 401, "token")
        assert refused.headers["www-authenticate"] == "Bearer"
        client.headers["Authorization"] = "Bearer open sesam"
        assert send(client, make_picture()).status_code == 401
        client.headers["Authorization"] = "Bearer open sesame"
        assert send(client, make_picture()).status_code == 200
        assert client.get("/api/openapi.json").json()["components"]["securitySchemes"]


@pytest.fixture
def own_client(studio, settings):
    with TestClient(make_app(studio, settings)) as client:
        yield client


def test_a_full_queue_says_when_to_come_again_and_health_goes_on(own_client, slow, make_picture):
    client, answers = own_client, []
    threads = [
        threading.Thread(target=lambda: answers.append(send(client, make_picture(), model="slow")))
        for _ in range(3)
    ]
    threads[0].start()
    assert slow.begun.wait(20)
    for thread in threads[1:]:
        thread.start()
    while client.get("/api/health").json()["working"] < 3:
        pass
    refused = send(client, make_picture())
    slow.go.set()
    assert is_sentence(refused, 429, "try again in")
    assert int(refused.headers["retry-after"]) >= 1
    for thread in threads:
        thread.join(20)
    assert [answer.status_code for answer in answers] == [200] * 3
    assert send(client, make_picture()).status_code == 200


def test_what_takes_too_long_is_given_up(studio, settings, slow, make_picture):
    with TestClient(make_app(studio, replace(settings, seconds=0.6))) as client:
        late = send(client, make_picture(), model="slow")
        slow.go.set()
        assert is_sentence(late, 504, "longer than")


def test_too_little_memory_is_said(studio, settings, make_picture, monkeypatch):
    def fail(photo):
        raise MemoryError

    studio.find = fail
    with TestClient(make_app(studio, settings)) as client:
        refused = send(client, make_picture())
        assert is_sentence(refused, 503, "memory")
        assert refused.headers["retry-after"]


def test_a_mistake_of_ours_is_said_without_its_details(studio, settings, make_picture):
    def fail(photo):
        raise ZeroDivisionError("/secret")

    studio.find = fail
    with TestClient(make_app(studio, settings), raise_server_exceptions=False) as client:
        assert is_sentence(send(client, make_picture()), 500, "mistake of ours")
        assert client.get("/api/health").json()["working"] == 0


def test_the_desk_is_closed_with_work_on_it(slow):
    desk = Desk(2, 20.0)
    first = desk.submit(lambda ticket: slow.begun.set() or slow.go.wait(20) or ticket.tell(1.0, ""))
    second = desk.submit(lambda ticket: None)
    assert slow.begun.wait(20)
    assert desk.num_before(second) == 1
    threading.Timer(0.05, slow.go.set).start()
    desk.close()
    assert second.future.cancelled()
    assert first.future.done()
    assert desk.num_open == 0


def test_the_description_is_a_page_of_its_own(client):
    page = client.get("/api/docs").text
    for word in ("POST /api/recover", "min_identity", "number -1 to 1", "429", "ToldRecovery"):
        assert word in page
    assert "http://" not in page
    assert "https://" not in page


def test_every_answer_is_described(client):
    paths = client.get("/api/openapi.json").json()["paths"]
    told = paths["/api/recover"]["post"]["responses"]
    assert set(told) == {"200", "400", "406", "413", "415", "422", "429", "503", "504"}
    assert set(told["200"]["content"]) == {"image/png", "image/jpeg", "image/webp", "application/json"}
    assert "Problem" in json.dumps(told["422"])


def test_a_form_is_described_without_null(client):
    schemas = client.get("/api/openapi.json").json()["components"]["schemas"]
    form = schemas["Body_recover_api_recover_post"]["properties"]
    assert "null" not in json.dumps(form)
    assert form["model"]["enum"] == ["restore", "guided", "rotate", "slow"]
    assert (form["yaw"]["type"], form["yaw"]["minimum"]) == ("number", -90.0)


def test_browsers_are_told_to_load_nothing_from_elsewhere(client):
    assert "default-src 'self'" in client.get("/api/docs").headers["content-security-policy"]
