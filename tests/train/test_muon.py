import copy

import pytest
import torch
from torch import nn

from mien.train.muon import Muon, orthogonalized


@pytest.mark.parametrize("shape", [(8, 8), (6, 40), (40, 6)])
def test_directions_become_as_long_as_each_other(shape: tuple[int, int]) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    singular = torch.linalg.svdvals(orthogonalized(matrix))
    assert float(singular.min()) > 0.5
    assert float(singular.max()) < 1.3


def test_directions_stay_what_they_are() -> None:
    matrix = torch.randn(5, 12, generator=torch.Generator().manual_seed(0))
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    middle = u.mT @ orthogonalized(matrix) @ v.mT  # nearly diagonal, near 1
    assert float((middle - torch.diag(middle.diagonal())).abs().max()) < 0.05


def test_vectors_move_as_with_adam() -> None:
    ours, theirs = nn.BatchNorm1d(4), nn.BatchNorm1d(4)
    muon = Muon(ours, lr=0.1, betas=(0.9, 0.99))
    adam = torch.optim.Adam(theirs.parameters(), lr=0.1, betas=(0.9, 0.99))
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        gradient = torch.randn(4, generator=generator)
        for network, optimizer in ((ours, muon), (theirs, adam)):
            network.weight.grad, network.bias.grad = gradient.clone(), 2 * gradient
            optimizer.step()
    torch.testing.assert_close(ours.weight, theirs.weight)
    torch.testing.assert_close(ours.bias, theirs.bias)


def test_it_learns_and_goes_on_where_it_was() -> None:
    def fresh() -> tuple[nn.Module, Muon]:
        torch.manual_seed(0)
        network = nn.Sequential(nn.Conv2d(2, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(6, 2))
        return network, Muon(network, lr=0.02, weight_decay=0.01, spared=("3",))

    def learn(network: nn.Module, optimizer: Muon, first: int, last: int) -> float:
        loss = torch.zeros(())
        for step in range(first, last):
            inputs = torch.randn(16, 2, 3, 3, generator=torch.Generator().manual_seed(step))
            wanted = torch.stack((inputs.mean((1, 2, 3)), inputs.amax((1, 2, 3))), dim=1)
            loss = (network(inputs) - wanted).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return float(loss.detach())

    network, optimizer = fresh()
    before = learn(network, optimizer, 0, 1)
    learn(network, optimizer, 1, 20)
    kept = copy.deepcopy((network.state_dict(), optimizer.state_dict()))
    other, again = fresh()
    other.load_state_dict(kept[0])
    again.load_state_dict(kept[1])
    after = learn(network, optimizer, 20, 60)
    assert after == pytest.approx(learn(other, again, 20, 60), rel=1e-5)
    assert after < before / 3


def test_what_is_spared_is_no_matrix() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    sizes = [len(group["params"]) for group in Muon(network, 0.1, spared=("1",)).param_groups]
    assert sizes == [1, 3]
