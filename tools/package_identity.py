"""Put a training's identity network into the package and print what its card must say.

    python tools/package_identity.py runs/identity

Last its vectors are whitened within people: what changes between pictures of one person, damage included,
counts less. The map is fitted to the people that were trained on, and becomes part of the last layer.
"""

import argparse
import tempfile
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from mien.data.newfaces import stored_faces
from mien.data.people import PackedPeople
from mien.degrade.chain import PROFILES
from mien.models.identity.network import IdentityNetwork, as_input, map_embeddings
from mien.models.identity.objective import whitening_within
from mien.recipes.identity import IdentityRecipe, identity, seen_at_112
from mien.train.checkpoint import export_player
from mien.zoo.cards import IDENTITY
from mien.zoo.files import PACKAGED
from mien.zoo.weights import fill, load_tensors, save_weights

SEED = 2026
MOST_PER_PERSON = 4
"""Videos would count too much otherwise."""
SHRINKAGE = 0.2
TOGETHER = 64
DAMAGED_EVERY = 2
"""Of how many batches one is seen damaged too."""


def averaged_network(run: Path, recipe: IdentityRecipe) -> tuple[IdentityNetwork, int]:
    """As the newest checkpoint has it, and its step."""
    network = IdentityNetwork(recipe.network)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.safetensors"
        step = export_player(run, "identity", path, part="network")
        fill(network, load_tensors(path), path)
    return network.eval().to(memory_format=torch.channels_last), step  # pyright: ignore[reportCallIssue]


def rows_of(faces: PackedPeople) -> list[int]:
    """The first few faces of everybody who has several."""
    rows: list[int] = []
    for person in range(faces.num_people):
        own = (faces.people == person).nonzero()[0][:MOST_PER_PERSON].tolist()
        rows += own if len(own) > 1 else []
    return rows


@torch.inference_mode()
def embed(network: IdentityNetwork, faces: Float[Tensor, "batch 3 112 112"]) -> Tensor:
    """Both ways, as it is used."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        plain, mirrored = network(as_input(torch.cat((faces, faces.flip(3))))).float().chunk(2)
    return (plain + mirrored) / 2


def whiten(network: IdentityNetwork, faces: PackedPeople) -> None:
    """Clean faces and damaged ones of one person shall look alike."""
    chance, damage = torch.Generator().manual_seed(SEED), seen_at_112(PROFILES["gfrnet"])
    vectors, people = [], []
    for number, part in enumerate(torch.tensor(rows_of(faces)).split(TOGETHER)):
        clean = stored_faces(faces.faces(part.tolist()))
        seen = [clean, damage(clean, chance)] if number % DAMAGED_EVERY == 0 else [clean]
        vectors += [embed(network, pictures) for pictures in seen]
        people += [torch.from_numpy(faces.people[part.numpy()])] * len(seen)
    matrix, origin = whitening_within(torch.cat(vectors), torch.cat(people), SHRINKAGE)
    map_embeddings(network, matrix, origin)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path, help="the folder of the training")
    arguments = parser.parse_args()
    recipe = identity()
    network, step = averaged_network(arguments.run, recipe)
    training, _ = PackedPeople.open(arguments.run / "faces").split(recipe.hold_out_every)
    whiten(network, training)
    path = PACKAGED / IDENTITY.weights
    digest = save_weights(network, path)
    print(f"{path.name} of step {step}, {path.stat().st_size / 2**20:.1f} MB")
    print(f'sha256="{digest}",')


if __name__ == "__main__":
    main()
