from dataclasses import dataclass, replace

import pytest
import torch

from mien.faces.chain import Chain
from mien.types import Crop, Recoverer, Recovery, Turnable


@dataclass(frozen=True)
class Add:
    """Adds to every pixel; half of each is seen."""

    amount: float
    fidelity: float = 0.0
    batch_size: int = 8
    crop_size: int = 8
    template: str = "ffhq"
    keeps_pose: bool = True

    def with_fidelity(self, fidelity):
        return replace(self, fidelity=fidelity)

    def with_batch_size(self, batch_size):
        return replace(self, batch_size=batch_size)

    def __call__(self, crops):
        return [
            Recovery(crop.pixels + self.amount, torch.full((1, 8, 8), 0.5), self.keeps_pose, notes=("added",))
            for crop in crops
        ]


@dataclass(frozen=True)
class Turn(Add):
    """The same, and can turn."""

    asked: tuple[object, ...] = ()

    def to(self, yaw, pitch=None):
        return replace(self, keeps_pose=yaw is None, asked=(*self.asked, yaw, pitch))

    def keeping(self, *things):
        return replace(self, asked=(*self.asked, *things))

    def with_mask(self, mask):
        return replace(self, asked=(*self.asked, "mask"))

    def pasting(self):
        return replace(self, keeps_pose=True)


def crop():
    return Crop(torch.zeros(3, 8, 8), torch.eye(2, 3, dtype=torch.float64), torch.zeros(5, 2))


def test_each_gets_what_the_one_before_made():
    recovery = Chain((Add(0.1), Add(0.2)))([crop()])[0]
    torch.testing.assert_close(recovery.pixels, torch.full((3, 8, 8), 0.3))
    assert recovery.evidence.unique().item() == 0.25
    assert recovery.notes == ("added", "added")
    assert Chain((Add(0.1),))([]) == []


def test_what_is_asked_goes_to_whom_it_concerns():
    chain = Chain((Add(0.1), Turn(0.2)))
    assert isinstance(chain, Recoverer)
    assert isinstance(chain, Turnable)
    asked = (
        chain.with_fidelity(0.5)
        .with_batch_size(2)
        .to(30.0, 5.0)
        .keeping("hat")
        .with_mask(torch.zeros(1, 2, 2))
    )
    first, last = asked.models
    assert (first.fidelity, last.fidelity) == (0.5, 0.0)
    assert (first.batch_size, last.batch_size) == (2, 2)
    assert last.asked == (30.0, 5.0, "hat", "mask")


def test_a_turned_face_has_the_evidence_of_who_turned_it():
    turned = Chain((Add(0.1), Turn(0.2))).to(20.0)
    assert turned([crop()])[0].evidence.unique().item() == 0.5
    assert not turned([crop()])[0].keeps_pose
    assert turned.pasting()([crop()])[0].keeps_pose


def test_what_cannot_be_chained_is_refused():
    with pytest.raises(ValueError, match="take the same crops"):
        Chain((Add(0.1), Add(0.1, crop_size=16)))
    with pytest.raises(ValueError, match="does not turn heads"):
        Chain((Add(0.1), Add(0.1))).to(10.0)
    with pytest.raises(ValueError, match="only the last"):
        Chain((Turn(0.1).to(10.0), Add(0.1)))([crop()])
