import pytest
import torch
import torch.nn.functional as F

from mien.evaluate.population import population_scores, samples_of
from mien.evaluate.superres import evaluate_superres
from mien.evaluate.trial import PhotoSet
from mien.evaluate.wild import evaluate_wild
from mien.metrics.kernel import kernel_distance


def directions(num, seed, features=4, offset=0.0):
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(num, features, generator=generator) + offset, dim=1)


def scores_of(made, good, are_pairs=False):
    scores = population_scores(samples_of(made, "e"), samples_of(good, "e"), "all", are_pairs, seed=0)
    return {score.measure: score for score in scores}


def test_features_have_the_size_the_kernel_expects():
    samples = samples_of(directions(40, 0), "mien")
    assert samples.embedder == "mien, length 2"
    assert samples.embeddings.square().mean() == pytest.approx(1)


def test_equal_pairs_lie_at_nought():
    same = scores_of(directions(30, 0), directions(30, 0), are_pairs=True)
    assert same["kernel"].value == pytest.approx(0, abs=1e-9)
    assert same["kernel"].deviation == pytest.approx(0, abs=1e-9)
    assert same["frechet"].value == pytest.approx(0, abs=1e-6)
    assert (same["precision"].value, same["recall"].value) == (1, 1)


def test_the_kernel_distance_comes_first_and_biases_are_told():
    found = scores_of(directions(30, 0, offset=1.0), directions(24, 1))
    assert list(found) == ["kernel", "frechet", "frechet_infinity", "precision", "recall"]
    made, good = samples_of(directions(30, 0, offset=1.0), "e"), samples_of(directions(24, 1), "e")
    assert found["kernel"].value == pytest.approx(kernel_distance(made, good))
    assert found["kernel"].deviation > 0
    assert found["kernel"].note == "unbiased; ± over 100 subsets of 12"
    assert found["frechet"].note.startswith("biased upwards; equal sets of that many other pictures")
    assert found["frechet"].reference == "24 faces: all"
    assert found["frechet"].count == 30
    few = scores_of(directions(5, 0, features=8), directions(5, 1, features=8))
    assert "fewer pictures than the 8 features: read the kernel distance" in few["frechet"].note
    assert "frechet_infinity" not in few
    assert scores_of(directions(3, 0), directions(30, 1)) == {}
    assert list(few) == ["kernel", "frechet"]  # five faces reach everywhere


def test_it_is_told_of_every_maker(trial, people, mixer):
    found = evaluate_superres(trial(people[::3], {"still": mixer(), "gray": mixer(0.8)}))
    still, gray = (found.row("4x", who) for who in ("still", "gray"))
    assert still.score("kernel").value == pytest.approx(found.row("4x", "input").score("kernel").value)
    assert still.score("kernel").count == 6
    assert still.score("kernel").reference == "6 faces: the same pictures, undamaged"
    assert gray.score("frechet").value != still.score("frechet").value
    measures = [score.measure for score in still.scores]
    assert measures.index("kernel") < measures.index("frechet")


def test_wild_takes_clean_faces_of_others(trial, people, photos):
    good = PhotoSet("clean", "aligned", people[0].parent, people[:6])
    found = evaluate_wild(trial(people[6:12]), good)
    score = found.row("as it is", "still").score("kernel")
    assert score.reference == "6 faces: 6 of clean"
    assert found.settings["clean faces"] == "6 of clean"
    assert evaluate_wild(trial(people[6:12])).row("as it is", "still").score("kernel") is None
