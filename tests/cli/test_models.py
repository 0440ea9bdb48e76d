"""`mien models`: every card, for people and for programs."""

import json

from mien.zoo.cards import PARTS, ZOO


def test_every_model_is_listed(mien):
    ran = mien("models")
    assert ran.status == 0
    for card in (*ZOO.values(), *PARTS.values()):
        assert card.summary in ran.out
        assert card.licence in ran.out
        assert f"{card.num_parameters:,} parameters" in ran.out


def test_json(mien, tmp_path):
    cards = json.loads(mien("models", "--json", "-").out)
    assert set(cards["models"]) == set(ZOO)
    assert set(cards["parts"]) == set(PARTS)
    assert cards["models"]["restore"]["sha256"] == ZOO["restore"].sha256
    assert mien("models", "--json", tmp_path / "models.json").status == 0
    assert json.loads((tmp_path / "models.json").read_text()) == cards


def test_weights_of_one_s_own(mien, tmp_path, monkeypatch):
    monkeypatch.setenv("MIEN_WEIGHTS", str(tmp_path))
    (tmp_path / ZOO["restore"].weights).write_bytes(b"12345")
    card = json.loads(mien("models", "--json", "-").out)["models"]["restore"]
    assert card["path"] == str(tmp_path / ZOO["restore"].weights)
    assert card["bytes"] == 5
    assert card["is_packaged"] is False


def test_weights_that_are_missing_are_said(mien, tmp_path, monkeypatch):
    monkeypatch.setenv("MIEN_WEIGHTS", str(tmp_path / "none"))
    ran = mien("models")
    assert ran.status == 0
    assert "MIEN_WEIGHTS is not a folder" in ran.out
