import torch

from mien.layers.gated import GatedBlock, GatedShrink, Grow


def features():
    return torch.rand(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))


def test_a_closed_gate_lets_nothing_through():
    shrink = GatedShrink(4, 6, spectral=False)
    small, closed = shrink(features())
    assert small.shape == closed.shape == (2, 6, 4, 4)
    torch.testing.assert_close(small, shrink.feature(features()) * torch.sigmoid(-closed))


def test_what_shrinks_grows_back():
    assert Grow(4, 3)(features()).shape == (2, 3, 16, 16)
    assert GatedBlock(4)(features()).shape == (2, 4, 8, 8)


def test_borders_are_reflected():
    shrink = GatedShrink(4, 6, spectral=False)
    flat = torch.full((1, 4, 8, 8), 0.7)
    gate = shrink.gate(flat)
    # without a border that is seen as black, a flat picture stays flat
    assert gate.std(dim=(2, 3)).max() < 1e-5
