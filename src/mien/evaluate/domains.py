"""How far what models make lies from what faces are like, as an embedder sees them (MDFR, Fig. 8).

Everybody's most frontal photo is the truth. Their second photo is turned and damaged, every model recovers
it, and all directions that the embedder gives are laid on the plane in which they differ most.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from mien.evaluate.blind import find_profile, spoil_by
from mien.evaluate.compare import METHOD, differences
from mien.evaluate.findings import Chart, Findings, Line
from mien.evaluate.judges import Picture, Vectors, recovered_face
from mien.evaluate.reference import TRUTH
from mien.evaluate.sheets import EvaluationError, Sheet, with_scores
from mien.evaluate.trial import INPUT, Bench, Part, Trial
from mien.evaluate.turned import PLAN, Sitter, crops_of, find_sitters, views_of
from mien.evaluate.wild import recover_again
from mien.faces.identify import face_of_crop
from mien.geometry.morphable import LinearMorphable
from mien.metrics.score import Score
from mien.types import ReadFace
from mien.zoo.load import load_morphable, load_reader

YAWS = (-60.0, -30.0, 30.0, 60.0)
DOMAIN_PLAN = replace(PLAN, yaws=YAWS, views_per_face=len(YAWS))
PROFILE = "mdfr"
MOST_PEOPLE = 24
CONDITION = f"turned and damaged ({PROFILE})"
REFERENCE = "the person's most frontal photo, undamaged"


def evaluate_domains(
    trial: Trial, name: str, read: ReadFace | None = None, model: LinearMorphable | None = None
) -> Findings:
    """All models together, as one plane is to hold them all; a step is one photo."""
    trial, unsuited = trial.suited()
    identify = trial.judges.identify
    if identify is None:
        raise EvaluationError("the gap between domains is an embedder's to see, and there is none")
    read, model = read or load_reader("cpu"), model or load_morphable("cpu")
    sitters = find_sitters(trial, read, model)
    truth, found, names = [], {who: [] for who in (INPUT, *trial.models)}, []
    for sitter in sitters:
        faces = faces_of(sitter, trial, model)
        truth.append(identify(face_of_crop(sitter.gallery).float()[None]))
        for who, some in faces.items():
            found[who].append(identify(torch.stack([face.float() for face in some])))
        names += [f"{sitter.name}, view {number + 1}" for number in range(len(faces[INPUT]))]
    vectors = {who: torch.cat(some) for who, some in found.items()}
    return findings_of(trial, name, torch.cat(truth), vectors, tuple(names), unsuited)


def faces_of(sitter: Sitter, trial: Trial, model: LinearMorphable) -> dict[str, list[Picture]]:
    """What a recogniser sees of the damaged views, and of what was made of them."""
    spoil = spoil_by(find_profile(PROFILE), trial.seed)
    crops = [
        replace(crop, pixels=spoil(crop.pixels, f"{sitter.name} {number}"))
        for number, crop in enumerate(crops_of(views_of(sitter, model, DOMAIN_PLAN)))
    ]
    faces = {INPUT: [face_of_crop(crop) for crop in crops]}
    for who, recoverer in trial.models.items():
        pairs = [recover_again(crop, recoverer) for crop in crops]
        faces[who] = [recovered_face(*pair, recoverer.template) for pair in pairs]
    return faces


def findings_of(
    trial: Trial,
    name: str,
    truth: Float[Tensor, "people features"],
    vectors: Mapping[str, Vectors],
    names: tuple[str, ...],
    unsuited: tuple[str, ...],
) -> Findings:
    """Distances, paired differences, and the plane."""
    wanted = truth.repeat_interleave(len(names) // len(truth), dim=0)
    gaps = {who: (seen - wanted).norm(dim=1).double().tolist() for who, seen in vectors.items()}
    sheets = tuple(Sheet(CONDITION, who, names, {"domain_gap": tuple(gap)}) for who, gap in gaps.items())
    backend = trial.judges.identify_name
    backends = {"domain_gap": backend}
    rows = []
    for sheet in sheets:
        shift = float((vectors[sheet.who].mean(0) - wanted.mean(0)).norm())
        score = Score("domain_shift", shift, len(names), REFERENCE, backend)
        rows.append(with_scores(sheet.row(REFERENCE, backends), [score]))
    return Findings(
        protocol="domains",
        title="Domains of identity",
        settings={
            **trial.settings,
            "people": f"{len(truth)} of {name} with two photos that look ahead",
            "views": f"the second photo, turned to {', '.join(f'{yaw:+.0f}' for yaw in YAWS)} degrees",
            "damage": PROFILE,
            "differences": METHOD.replace("pictures", "views"),
        },
        rows=tuple(rows),
        differences=differences(sheets, trial.seed),
        charts=(plane_chart({TRUTH: truth, **vectors}),),
        notes=unsuited,
        sheets=sheets,
    )


def plane_chart(vectors: Mapping[str, Vectors]) -> Chart:
    """A dot for each picture of each domain."""
    everything = torch.cat(list(vectors.values()))
    axes, shares = principal_plane(everything)
    origin = everything.double().mean(0)
    lines = tuple(
        Line(who, tuple((float(x), float(y)) for x, y in ((seen.double() - origin) @ axes).tolist()))
        for who, seen in vectors.items()
    )
    first, second = (f"{share:.0%} of the variance" for share in shares)
    x, y = f"first component, {first}", f"second component, {second}"
    return Chart("What the embedder sees", x, y, lines, is_scatter=True)


def principal_plane(
    vectors: Float[Tensor, "pictures features"],
) -> tuple[Float[Tensor, "features 2"], list[float]]:
    """The two directions in which they differ most, and their shares of the variance (Pearson, 1901).

    The largest entry of each is positive, so that a plot is not mirrored by chance.
    """
    values = vectors.double()
    _, sizes, directions = torch.linalg.svd(values - values.mean(0), full_matrices=False)
    axes = directions[:2].mT
    signs = axes.gather(0, axes.abs().argmax(dim=0, keepdim=True)).sign()
    variances = sizes.square()
    return axes * signs, (variances[:2] / variances.sum()).tolist()


def plan_domains(bench: Bench) -> list[Part]:
    """On every set of people, as many of them as a report has time for."""
    parts = []
    for photo_set in bench.of_role("people"):
        photos, words = bench.some_people(photo_set, MOST_PEOPLE)
        parts.append(
            Part(
                name=f"domains, {photo_set.name}",
                photos=photos,
                num_steps=len(photos),
                run=partial(evaluate_domains, name=photo_set.name),
                settings={"damage": PROFILE},
                together=True,
                whole_set=words,
            )
        )
    return parts
