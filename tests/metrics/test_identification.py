import numpy as np
import pytest
import torch

from mien.metrics.identification import Ranks, pool_templates


def test_ranks_by_hand():
    gallery = torch.tensor([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
    people = torch.tensor([7, 8, 9])
    probes = torch.tensor([[5.0, 0.1], [1.0, 0.1], [0.1, 1.0], [1.0, 0.2]])
    ranks = Ranks.of(probes, torch.tensor([7, 8, 9, 9]), gallery, people)
    assert ranks.ranks.tolist() == [1, 3, 2, 2]
    assert [ranks.rate(k) for k in (1, 2, 3)] == [0.25, 0.75, 1.0]


def test_the_best_of_several_entries_counts_and_the_others_do_not_stand_before_it():
    gallery = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0]])
    ranks = Ranks.of(torch.tensor([[1.0, 0.1]]), torch.tensor([1]), gallery, torch.tensor([1, 1, 2]))
    assert ranks.ranks.tolist() == [1]


def test_a_tie_is_no_success():
    gallery = torch.ones(2, 3)
    ranks = Ranks.of(torch.ones(1, 3), torch.tensor([0]), gallery, torch.tensor([0, 1]))
    assert ranks.ranks.tolist() == [2]


def test_halves_make_the_whole():
    generator = torch.Generator().manual_seed(0)
    probes, gallery = torch.randn(30, 8, generator=generator), torch.randn(10, 8, generator=generator)
    people = torch.arange(30) % 10
    whole = Ranks.of(probes, people, gallery, torch.arange(10))
    parts = [
        Ranks.of(probes[half], people[half], gallery, torch.arange(10)) for half in (slice(13), slice(13, 30))
    ]
    torch.testing.assert_close((parts[0] + parts[1]).ranks, whole.ranks)


def test_strangers_are_counted_in_the_refusal():
    with pytest.raises(ValueError, match="1 of 2 probes show people who are not in the gallery"):
        Ranks.of(torch.ones(2, 3), torch.tensor([0, 5]), torch.ones(1, 3), torch.tensor([0]))
    with pytest.raises(ValueError, match="no probe"):
        Ranks(torch.zeros(0, dtype=torch.int64)).rate()


def test_templates_equal_the_plain_loops():
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(40, 6, generator=generator, dtype=torch.float64)
    templates = torch.randint(0, 5, (40,), generator=generator) * 3
    media = torch.randint(0, 4, (40,), generator=generator)
    pooled, numbers = pool_templates(embeddings, templates, media)
    assert numbers.tolist() == sorted(set(templates.tolist()))
    for vector, number in zip(pooled.numpy(), numbers.tolist(), strict=True):
        inside = templates.numpy() == number
        means = [
            embeddings.numpy()[inside & (media.numpy() == medium)].mean(0)
            for medium in set(media.numpy()[inside].tolist())
        ]
        total = np.sum(means, axis=0)
        np.testing.assert_allclose(vector, total / np.linalg.norm(total), atol=1e-12)


def test_scores_weigh_the_pictures():
    embeddings = torch.eye(2)
    pooled, _ = pool_templates(
        embeddings, torch.zeros(2).long(), torch.tensor([0, 1]), torch.tensor([0.6, 0.8])
    )
    assert pooled.tolist() == [pytest.approx([0.6, 0.8])]
