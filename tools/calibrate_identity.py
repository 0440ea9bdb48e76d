"""Fit the chance that two faces are one person's to their cosine, on people the network did not learn from.

    python tools/calibrate_identity.py runs/identity

The folder is that of a training of the recipe `identity`; the weights are those in the package. Prints what
`LIKENESS` in `zoo/cards.py` must say, and how far it can be trusted: each half of the people judges what was
fitted to the other half.
"""

import argparse
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mien.data.newfaces import stored_faces
from mien.data.people import PackedPeople, same_and_different
from mien.metrics.calibration import Reliability, fit_logistic
from mien.recipes.identity import identity
from mien.zoo.load import load_identifier

SEED = 2026
MOST_PAIRS_PER_PERSON = 6
Pairs = tuple[Float[Tensor, " pairs"], Bool[Tensor, " pairs"]]
"""Cosines, and whether both faces are one person's."""


def pairs_among(
    vectors: Float[Tensor, "faces features"], people: Int[Tensor, " faces"], chance: torch.Generator
) -> Pairs:
    """As many of one person as of two."""
    same, different = same_and_different(people, MOST_PAIRS_PER_PERSON, chance)
    pairs = torch.cat((same, different))
    cosines = (vectors[pairs[:, 0]] * vectors[pairs[:, 1]]).sum(1)
    return cosines, torch.arange(len(pairs)) < len(same)


def judged_by(judge: Pairs, fitted: Pairs) -> Reliability:
    """What a fit to some pairs says of others."""
    slope, even = fit_logistic(*fitted)
    cosines, truths = judge
    return Reliability.of(torch.sigmoid(slope * (cosines - even)), truths)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, help="the folder of the training")
    arguments = parser.parse_args()
    _, held_out = PackedPeople.open(arguments.run / "faces").split(identity().hold_out_every)
    vectors = load_identifier()(stored_faces(held_out.faces(list(range(len(held_out))))))
    people = torch.from_numpy(held_out.people)
    chance = torch.Generator().manual_seed(SEED)
    first, second = (
        pairs_among(vectors[people % 2 == half], people[people % 2 == half], chance) for half in (0, 1)
    )
    reliability = judged_by(first, second) + judged_by(second, first)
    cosines, truths = torch.cat((first[0], second[0])), torch.cat((first[1], second[1]))
    slope, even = fit_logistic(cosines, truths)
    print(f"{len(vectors)} faces of {held_out.num_people} people, {len(truths)} pairs")
    print(f"LIKENESS = Likeness(slope={slope:.2f}, even={even:.4f})")
    print(f"expected calibration error {reliability.error:.4f}")
    for said, true, count in zip(reliability.said, reliability.true, reliability.count, strict=True):
        if count:
            print(f"  said {said / count:.3f}  true {true / count:.3f}  of {count:.0f}")


if __name__ == "__main__":
    main()
