"""How skin varies in colour: components of many faces' unwrapped colours, with the shading taken out."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from mien.geometry.build.bases import vertex_areas
from mien.geometry.build.unwrap import Unwrapped, join
from mien.geometry.morphable import LinearMorphable
from mien.geometry.shade import fit_light, harmonics, shade

Colours = Float[Tensor, "faces vertices 3"]

SHADING_RANGE = (0.35, 1.8)
"""Of the average on the face; what is darker or lighter than that is not the light's doing."""
OUTLIER = 2.5
"""Deviations from what the other colours of a face let expect, from which a colour is not believed."""
CLEARANCE = 0.1
"""Decimetres kept from eyes and brows where skin is looked for."""
LARGEST_SKIN_DIFFERENCE = 0.25
"""Of the cheeks' colour; what differs more from it at the face's border is not skin."""
FADE = 0.2
"""Decimetres over which that sets in."""
SELDOM = 0.3
"""Share of faces; vertices that fewer show are hidden ones."""
NUM_SPREADING_STEPS = 60
NUM_SHADING_ROUNDS = 2
NUM_LIGHT_ROUNDS = 2
CHUNK = 64
"""Faces whose light is found at a time."""
NUM_CLEANING_ROUNDS = 6
CLEANING_RANK = 12


@dataclass(frozen=True)
class Albedo:
    """Colour in even white light: the average, and one standard deviation of each component."""

    mean: Float[Tensor, "vertices 3"]
    basis: Float[Tensor, "components vertices 3"]
    num_faces: int


def learn_albedo(faces: list[Unwrapped], model: LinearMorphable, num_components: int) -> Albedo:
    """The mean and components, left-right symmetric, for the model whose vertices the faces were laid on."""
    areas = torch.from_numpy(vertex_areas(model.mean.numpy(), model.triangles.numpy())).float()
    cheeks, tolerance = _cheeks_and_tolerance(model)
    seen, colours, normals = join(faces)
    both_sides, is_known = _symmetric(colours, seen, model.mirror)
    for _ in range(NUM_SHADING_ROUNDS):
        reference = _typical(both_sides)
        parts = zip(colours.split(CHUNK), normals.split(CHUNK), seen.split(CHUNK), strict=True)
        lit_evenly = torch.cat([without_shading(*part, reference) for part in parts])
        is_skin = seen & (_unlikeness(lit_evenly, seen, cheeks) < tolerance)
        both_sides, is_known = _symmetric(lit_evenly, is_skin, model.mirror)
    reference = _typical(both_sides)
    deviations = _cleaned((both_sides - reference).masked_fill(~is_known[..., None], 0.0), is_known, areas)
    centre = deviations.mean(0)
    basis = _components(deviations - centre, areas, num_components)
    is_hidden = is_known.float().mean(0) < SELDOM
    mean, *basis = _spread(torch.cat(((reference + centre)[None], basis)), model.triangles, is_hidden)
    return Albedo(mean.clamp(0, 1), torch.stack(basis), len(faces))


def _spread(
    colours: Float[Tensor, "fields vertices 3"],
    triangles: Int[Tensor, "triangles 3"],
    is_hidden: Bool[Tensor, " vertices"],
) -> Float[Tensor, "fields vertices 3"]:
    """Hidden vertices, as inside lips and nostrils, get the mean of those around them, over and over."""
    edges = torch.cat([triangles[:, [i, (i + 1) % 3]] for i in range(3)])
    start, end = torch.cat((edges, edges.flip(1))).unbind(1)
    has_colour = ~is_hidden
    for _ in range(NUM_SPREADING_STEPS):
        gives = has_colour[start].to(colours)
        count = torch.zeros(len(is_hidden)).index_add(0, end, gives)
        total = torch.zeros_like(colours).index_add(1, end, colours[:, start] * gives[:, None])
        is_reached = is_hidden & (count > 0)
        colours = torch.where(is_reached[:, None], total / count.clamp(min=1)[:, None], colours)
        has_colour = has_colour | is_reached
    return colours


def _cheeks_and_tolerance(
    model: LinearMorphable,
) -> tuple[Bool[Tensor, " vertices"], Float[Tensor, " vertices"]]:
    """Where skin is to be seen on every face, and how much from it a colour may differ to be of the face.

    Anything may be a beard, a brow or a lip; towards the border it is more and more likely hair.
    """
    x, y, _ = model.mean.unbind(1)
    points = model.mean[model.landmarks]
    eye, mouth, nose = points[45], points[54], points[33]
    cheeks = (x.abs() > mouth[0]) & (x.abs() < eye[0]) & (y > nose[1]) & (y < eye[1] - CLEARANCE)
    beside = (x.abs() - eye[0]).minimum(y - mouth[1])
    outwards = beside.maximum(y - points[17:27, 1].max() - CLEARANCE / 2)
    return cheeks, LARGEST_SKIN_DIFFERENCE / (outwards / FADE).clamp(1e-3, 1)


def _unlikeness(
    colours: Colours, seen: Bool[Tensor, "faces vertices"], cheeks: Bool[Tensor, " vertices"]
) -> Float[Tensor, "faces vertices"]:
    """How different colours are from the face's own cheeks, in parts of their colour."""
    on_cheeks = colours.masked_fill(~(seen & cheeks)[..., None], torch.nan)
    skin = on_cheeks.nanmedian(dim=1, keepdim=True).values
    return (colours - skin).norm(dim=-1) / skin.norm(dim=-1)


def without_shading(
    colours: Colours,
    normals: Float[Tensor, "faces vertices 3"],
    seen: Bool[Tensor, "faces vertices"],
    reference: Float[Tensor, "vertices 3"],
) -> Colours:
    """Colours as if each face stood in even light, as bright and of the tint that it had on average.

    The light is the one under which `reference` resembles the face best; what resembles it little
    counts little.
    """
    albedo = reference.expand_as(colours)
    weights = seen.to(colours)
    for _ in range(NUM_LIGHT_ROUNDS):
        light = fit_light(colours, albedo, normals, weights)
        missed = (colours - shade(albedo, normals, light)).norm(dim=-1)
        usual = (missed * seen).sum(1, keepdim=True) / seen.sum(1, keepdim=True).clamp(min=1)
        weights = seen / (1 + (missed / usual.clamp(min=1e-4)).square())
    shading = harmonics(normals) @ fit_light(colours, albedo, normals, weights)
    level = (shading * weights[..., None]).sum(1, keepdim=True) / weights.sum(1)[:, None, None]
    return colours / (shading / level.clamp(min=1e-3)).clamp(*SHADING_RANGE)


def _symmetric(
    colours: Colours, seen: Bool[Tensor, "faces vertices"], mirror: Int[Tensor, " vertices"]
) -> tuple[Colours, Bool[Tensor, "faces vertices"]]:
    """The mean of both halves where both are seen, else the one that is."""
    weight = seen.to(colours)[..., None]
    total = weight + weight[:, mirror]
    mixed = (colours * weight + (colours * weight)[:, mirror]) / total.clamp(min=1)
    return mixed.masked_fill(total == 0, torch.nan), total[..., 0] > 0


def _typical(colours: Colours) -> Float[Tensor, "vertices 3"]:
    """The median of the faces that show a vertex; the median of all vertices where none does."""
    median = colours.nanmedian(dim=0).values
    return torch.where(median.isfinite(), median, median.nanmedian(dim=0).values)


def _cleaned(
    deviations: Colours, is_known: Bool[Tensor, "faces vertices"], areas: Float[Tensor, " vertices"]
) -> Colours:
    """Missing and unlikely colours replaced by what a few components make of the face's other colours."""
    cleaned = deviations
    for _ in range(NUM_CLEANING_ROUNDS):
        centre = cleaned.mean(0)
        basis = _components(cleaned - centre, areas, CLEANING_RANK)
        expected = centre + _projected(cleaned - centre, basis, areas)
        missed = (deviations - expected).norm(dim=-1)
        count = is_known.sum(0).clamp(min=1)
        usual = ((missed.square() * is_known).sum(0) / count).sqrt().clamp(min=1e-4)
        is_right = is_known & (missed < OUTLIER * usual.clamp(max=float(usual.median()) * 1.5))
        cleaned = torch.where(is_right[..., None], deviations, expected)
    return cleaned


def _components(
    deviations: Colours, areas: Float[Tensor, " vertices"], num_components: int
) -> Float[Tensor, "components vertices 3"]:
    """Principal components at the length of one standard deviation, from the faces' inner products."""
    flat = (deviations * areas.sqrt()[:, None]).flatten(1)
    _, vectors = torch.linalg.eigh((flat @ flat.T).double() / len(flat))
    kept = vectors[:, -num_components:].flip(1).to(deviations)
    basis = torch.einsum("fk,fvc->kvc", kept, deviations) / len(flat) ** 0.5
    return basis * basis.flatten(1).sum(1).sign()[:, None, None]


def _projected(
    deviations: Colours, basis: Float[Tensor, "components vertices 3"], areas: Float[Tensor, " vertices"]
) -> Colours:
    root = areas.sqrt()[:, None]
    directions = torch.nn.functional.normalize((basis * root).flatten(1), dim=1)
    amounts = (deviations * root).flatten(1) @ directions.T
    return (amounts @ directions).unflatten(1, deviations.shape[1:]) / root
