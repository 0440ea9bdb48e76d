import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mien.models.guided.network import FoldedConfig, GuidedConfig, GuidedNetwork, UNetConfig
from mien.recipes.guided import (
    GuidedRecipe,
    guided,
    guided_paper,
    guided_random,
    guided_sharp,
    guided_without_flow,
    guided_without_guide,
    guided_without_guide_wide,
    guided_without_warp,
    guided_without_warp_wide,
)
from mien.recipes.sources import MissingSourceError, Sources
from mien.train.config import TrainConfig
from mien.train.loop import train

SIZE = 32
TINY = GuidedConfig(
    SIZE,
    FoldedConfig(shrink=2, channels=(4, 6), num_blocks=(1, 1), decoder_channels=(4,), guide_channels=(3,)),
    FoldedConfig(shrink=2, channels=(4, 6, 8), num_blocks=(1, 1, 1), decoder_channels=(6,)),
)
TINY_PAPER = GuidedConfig(SIZE, UNetConfig((4, 6, 6, 8, 8)), UNetConfig((4, 6, 6, 8, 8)))
SHORT = TrainConfig(num_steps=4, device="cpu", validate_every=2, log_every=1)


def tiny(recipe: GuidedRecipe, config: GuidedConfig = TINY) -> GuidedRecipe:
    """As small as can be, with the parts that the recipe has."""
    seen = recipe.network
    if not seen.sees_guide and isinstance(config.rec, FoldedConfig):
        config = replace(config, rec=replace(config.rec, guide_channels=()))
    return replace(
        recipe,
        network=replace(config, warp=config.warp if seen.warp else None, sees_guide=seen.sees_guide),
        critic_channels=(4, 6),
        batch_size=2,
        flow_batch_size=3,
        num_flow_steps=min(2, recipe.num_flow_steps),
        num_warmup=1,
        hold_out_every=2,
        largest_shift=2,
        start_from_package=False,
        training=SHORT,
    )


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Albums as `pack_albums` leaves them: four people with two photos each."""
    chance = np.random.default_rng(0)
    albums = tmp_path / "albums"
    albums.mkdir()
    np.save(albums / "pixels.npy", chance.integers(0, 256, (8, 3, SIZE, SIZE), dtype=np.uint8))
    np.save(albums / "points.npy", chance.uniform(4, SIZE - 4, (8, 68, 2)).astype(np.float32))
    np.save(albums / "people.npy", np.arange(8) // 2)
    np.save(albums / "is_guide.npy", np.ones(8, dtype=bool))
    np.save(albums / "repeats.npy", np.array([1, 0, 1, 1, 2, 1, 1, 1]))
    (albums / "done").touch()
    return tmp_path


def entries(folder: Path, kind: str) -> list[dict[str, float]]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line[kind] for line in lines if kind in line]


@pytest.mark.parametrize(
    "recipe",
    [
        guided(),
        *(
            pytest.param(recipe(), marks=pytest.mark.slow)
            for recipe in (guided_without_guide, guided_without_warp, guided_without_flow, guided_random)
        ),
    ],
    ids=["full", "-WG", "-W", "-F", "R"],
)
def test_each_variant_trains(folder: Path, recipe: GuidedRecipe) -> None:
    outcome = train(tiny(recipe).build(Sources(), folder))
    assert outcome.finished
    assert set(outcome.networks) == {"guided"}
    figures = entries(folder, "validation")[-1]
    assert {"psnr_mixed", "gain_8x", "warped_px", "unwarped_px", "reconstruction"} <= set(figures)
    assert any("guide" in name for name in figures)
    assert list((folder / "pictures").iterdir())


def test_warp_net_learns_alone_first(folder: Path) -> None:
    recipe = tiny(guided())
    torch.manual_seed(0)
    before = GuidedNetwork(recipe.network).state_dict()
    torch.manual_seed(0)
    run = recipe.build(Sources(), folder)
    run = replace(run, training=replace(run.training, num_steps=2))
    after = train(run).networks["guided"].state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith("warp_net.") for name in changed)
    assert [set(terms) for terms in entries(folder, "terms")] == [
        {"guided/total", "guided/landmarks", "guided/roughness", "guided/gradient_norm"}
    ] * 2
    lessons = [run.batches(step, 0, 1) for step in (1, 2)]
    assert [(lesson.is_flow_alone, len(lesson.pairs.truths)) for lesson in lessons] == [(True, 3), (False, 2)]


@pytest.mark.parametrize(
    ("recipe", "config"),
    [(guided_sharp(), TINY), pytest.param(guided_paper(), TINY_PAPER, marks=pytest.mark.slow)],
)
def test_critics_play_along(
    folder: Path, recipe: GuidedRecipe, config: GuidedConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mien.recipes.guided.load_features", lambda path, device: nn.AvgPool2d(4))
    sources = Sources(features=Path("features.pt2"))
    outcome = train(tiny(recipe, config).build(sources, folder))
    assert set(outcome.networks) == {"guided", "global_critic", "local_critic"}
    terms = entries(folder, "terms")
    assert {"guided/global_critic", "guided/local_critic", "local_critic/critic"} <= set(terms[-1])
    if recipe.num_flow_steps:
        assert terms[0]["local_critic/critic"] == 0


def test_the_paper_s_perceptual_loss_needs_a_network(folder: Path) -> None:
    with pytest.raises(MissingSourceError, match="--features"):
        tiny(guided_paper(), TINY_PAPER).build(Sources(), folder)


def test_pictures_need_labels(tmp_path: Path) -> None:
    with pytest.raises(MissingSourceError, match="--photos"):
        tiny(guided()).build(Sources(), tmp_path)
    with pytest.raises(MissingSourceError, match="--labels"):
        tiny(guided()).build(Sources(photos=(tmp_path,)), tmp_path)


def test_random_guides_are_of_others(folder: Path) -> None:
    for recipe, is_own in ((tiny(guided()), True), (tiny(guided_random()), False)):
        run = replace(recipe, largest_shift=0).build(Sources(), folder)
        stored = np.load(folder / "albums" / "pixels.npy")

        def who(picture: torch.Tensor, stored: np.ndarray = stored) -> int:
            levels = (picture * 255).round().to(torch.uint8).numpy()
            return next(
                row // 2
                for row, other in enumerate(stored)
                if (levels == other).all() or (levels[..., ::-1] == other).all()
            )

        pairs = run.batches(3, 0, 1).pairs
        for truth, guide in zip(pairs.truths, pairs.guides, strict=True):
            assert (who(truth) == who(guide)) is is_own


def test_variants_change_what_table_1_says() -> None:
    plain = guided()
    assert replace(guided_random(), guides="own") == plain
    assert replace(guided_without_warp(), network=plain.network, num_flow_steps=2000) == plain
    assert replace(guided_without_flow(), objective=plain.objective, num_flow_steps=2000) == plain
    assert guided_without_guide().network.warp is None
    assert not guided_without_guide().network.sees_guide
    for wide, narrow in (
        (guided_without_warp_wide(), guided_without_warp()),
        (guided_without_guide_wide(), guided_without_guide()),
    ):
        assert [2 * width for width in narrow.network.rec.channels] == list(wide.network.rec.channels)


def test_rates_are_those_of_the_paper(tmp_path: Path) -> None:
    recipe = guided_paper()
    assert (recipe.learning_rate, recipe.betas[0], recipe.batch_size) == (2e-4, 0.5, 1)
    schedule = recipe.schedule(tmp_path)
    rates = [recipe.learning_rate * schedule(0)]
    for num in (4, 8, 20):
        log = [{"step": step, "validation": {"reconstruction": 1.0}} for step in range(num)]
        (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in log))
        rates.append(recipe.learning_rate * schedule(num))
    assert rates == pytest.approx([2e-4, 2e-5, 2e-6, 2e-6])


def test_the_rate_rises_and_falls_in_each_phase(tmp_path: Path) -> None:
    recipe = replace(guided(), training=TrainConfig(num_steps=4500))
    schedule = recipe.schedule(tmp_path)
    assert recipe.learning_rate * schedule(99) == pytest.approx(recipe.flow_learning_rate)
    assert schedule(2099) == 1.0
    assert recipe.learning_rate * schedule(1999) < 0.11 * recipe.flow_learning_rate
    assert schedule(4499) < 0.02
