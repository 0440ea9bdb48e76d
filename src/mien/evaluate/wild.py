"""Any folder without truth: what can be said of photos before and after (MMRB-GAN, Tables 3 and 4)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import torch

from mien.data.photos import square
from mien.evaluate.compare import METHOD, differences
from mien.evaluate.findings import Findings, Strip
from mien.evaluate.judges import (
    Judges,
    Picture,
    Vectors,
    alike,
    as_lists,
    confidence,
    recovered_face,
)
from mien.evaluate.population import population_scores, samples_of
from mien.evaluate.reference import jpeg_of
from mien.evaluate.sheets import EvaluationError, sheet_of, with_scores
from mien.evaluate.trial import INPUT, Bench, Part, PhotoSet, Trial
from mien.faces.align import align, detection_of
from mien.faces.detect import largest
from mien.faces.identify import face_of_crop
from mien.image.io import ImageError, read_image
from mien.image.resize import resize
from mien.metrics.score import Score
from mien.types import Crop, FindFaces, Image, Images, Recoverer, Recovery

CONDITION = "as it is"
TEMPLATE = "ffhq"
MOST = 120
REFERENCE = "none; identity: the photo as it is"


@dataclass(frozen=True)
class Album:
    """Photos as they are judged, one after the other."""

    entries: Mapping[str, dict[str, dict[str, float]]]
    """Maker, then photo, then measure."""
    strips: list[tuple[float, Strip]] = field(default_factory=list)
    faceless: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    vectors: dict[str, list[Vectors]] = field(default_factory=dict)
    """Whom the embedder sees in what each maker made."""

    @property
    def num_judged(self) -> int:
        return len(self.entries[INPUT])

    def left_out(self, num_photos: int) -> tuple[str, ...]:
        """Every photo that no number was made from."""
        said = []
        for names, why in ((self.faceless, "no face was found"), (self.unreadable, "not readable")):
            if names:
                shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
                said.append(f"{len(names)} of {num_photos} photos left out, {why}: {shown}")
        return tuple(said)


@dataclass(frozen=True)
class Clean:
    """Good faces, as the embedder sees them."""

    name: str
    vectors: Vectors


def evaluate_wild(trial: Trial, good: PhotoSet | None = None) -> Findings:
    """The largest face of every photo; photos without one, or that cannot be read, are counted and told.

    `good` are aligned, clean faces of anybody, beside which all results together are judged.
    """
    trial, unsuited = trial.suited()
    album = Album({who: {} for who in (INPUT, *trial.models)})
    for number, path in enumerate(trial.photos):
        trial.advance()
        try:
            crop = largest_face(read_image(path), trial.finder, trial.side)
        except ImageError:
            album.unreadable.append(path.name)
            continue
        if crop is None:
            album.faceless.append(path.name)
            continue
        judge_face(album, trial, crop, path.name, number)
    if not album.num_judged:
        raise EvaluationError(f"none of {len(trial.photos)} photos has a face that can be judged")
    sheets = tuple(sheet_of(CONDITION, who, found) for who, found in album.entries.items())
    album.strips.sort(key=lambda pair: pair[0])
    clean = good_faces(good, trial)
    judged = f"the largest face of each, {album.num_judged} in all, cut to {trial.side} px"
    return Findings(
        protocol="wild",
        title="Photos without a truth",
        settings={
            **trial.settings,
            "judged": judged,
            "clean faces": "none given" if clean is None else clean.name,
            "differences": METHOD,
        },
        rows=tuple(
            with_scores(
                sheet.row(REFERENCE, trial.judges.backends), population(album, sheet.who, clean, trial)
            )
            for sheet in sheets
        ),
        differences=differences(sheets, trial.seed),
        strips=tuple(strip for _, strip in album.strips[: trial.num_strips]),
        notes=(*unsuited, *album.left_out(len(trial.photos))),
        sheets=sheets,
    )


def judge_face(album: Album, trial: Trial, crop: Crop, name: str, number: int) -> None:
    """Adds one face to the album."""
    made, faces = recover_crop(trial.models, crop)
    vectors = None
    if trial.judges.identify is not None:
        vectors = trial.judges.identify(torch.stack(faces).float())
        for who, vector in zip(made, vectors.split(1), strict=True):
            album.vectors.setdefault(who, []).append(vector)
    values = judge_crops(torch.stack(list(made.values())), vectors, trial.finder, trial.judges)
    for row, who in enumerate(made):
        album.entries[who][f"{number}/{name}"] = {kind: of_all[row] for kind, of_all in values.items()}
    if trial.num_strips:
        labels = tuple(f"{who}{describe(values, row)}" for row, who in enumerate(made))
        strip = Strip(name, labels, tuple(jpeg_of(picture) for picture in made.values()))
        album.strips.append((worth(values), strip))


def worth(values: Mapping[str, list[float]]) -> float:
    """Low for the results to look at first: those whose person changed, else those the detector doubts."""
    return values["identity" if "identity" in values else "confidence"][-1]


def describe(values: Mapping[str, list[float]], row: int) -> str:
    shown = {"niqe": "NIQE {:.1f}", "identity": "id {:.2f}"}
    return "".join(f" · {words.format(values[kind][row])}" for kind, words in shown.items() if kind in values)


def largest_face(photo: Image, find: FindFaces, size: int) -> Crop | None:
    """Cut out, or None."""
    with torch.no_grad():
        found = largest(find(photo))
    return align(photo, found[0], TEMPLATE, size) if found else None


def recover_crop(models: Mapping[str, Recoverer], crop: Crop) -> tuple[dict[str, Image], list[Picture]]:
    """By every model, in the crop's size; and what a recogniser sees of each, the crop first."""
    size = crop.pixels.shape[-1]
    made: dict[str, Image] = {INPUT: crop.pixels}
    faces: list[Picture] = [face_of_crop(crop)]
    for name, model in models.items():
        taken, recovery = recover_again(crop, model)
        pixels = recovery.pixels
        made[name] = pixels if pixels.shape[-1] == size else resize(pixels[None], size, size)[0].clamp(0, 1)
        faces.append(recovered_face(taken, recovery, model.template))
    return made, faces


def recover_again(crop: Crop, model: Recoverer) -> tuple[Crop, Recovery]:
    """A crop of one alignment in that of the model; and what it makes of it."""
    own = crop
    if (model.template, model.crop_size) != (TEMPLATE, crop.pixels.shape[-1]):
        own = align(crop.pixels, detection_of(crop.points), model.template, model.crop_size)
    with torch.no_grad():
        return own, model([own])[0]


def judge_crops(
    images: Images, vectors: Vectors | None, find: FindFaces, judges: Judges
) -> dict[str, list[float]]:
    """Every measure that needs no truth, and who is seen beside who was seen in the photo."""
    values = judges.unaided(images)
    with torch.no_grad():
        values["confidence"] = [confidence(find, image) for image in images]
        if vectors is not None:
            values |= as_lists(alike(vectors, vectors[:1].expand_as(vectors)))
    return values


def good_faces(good: PhotoSet | None, trial: Trial) -> Clean | None:
    """Their directions, where there is an embedder."""
    if good is None or trial.judges.identify is None:
        return None
    photos = good.some(MOST)
    vectors = [trial.judges.vectors([square(read_image(path), trial.side)]) for path in photos]
    return Clean(f"{len(photos)} of {good.name}", torch.cat(vectors))


def population(album: Album, who: str, clean: Clean | None, trial: Trial) -> list[Score]:
    """All results of a maker beside clean faces of other people."""
    if clean is None:
        return []
    name = trial.judges.identify_name
    made, good = samples_of(torch.cat(album.vectors[who]), name), samples_of(clean.vectors, name)
    return population_scores(made, good, clean.name, are_pairs=False, seed=trial.seed)


def plan_wild(bench: Bench) -> list[Part]:
    """On every set of photos without a truth; beside the first set of aligned faces, if there is one."""
    parts = []
    good = next(iter(bench.of_role("aligned")), None)
    beside = {} if good is None else {"clean faces": f"{good.name} {len(good.photos)}"}
    for photo_set in bench.of_role("wild"):
        photos, words = bench.some(photo_set, MOST)
        run, name = partial(evaluate_wild, good=good), f"wild, {photo_set.name}"
        parts.append(Part(name, photos, len(photos), run, beside, whole_set=words))
    return parts
