"""Triples of Swap-R&R, made once for all trainings that take covers off faces."""

from pathlib import Path

import torch

from mien.data.photos import find_photos, square
from mien.data.synthesis import COUNT, PackedTriples, SynthesisSettings, Triples, pack_triples, synthesize
from mien.geometry.estimate import estimate_of
from mien.geometry.mesh import close_openings
from mien.geometry.morphable import LinearMorphable
from mien.geometry.relight import relit
from mien.image.io import ImageError, read_image
from mien.image.occlusion import Parts
from mien.models.parser.network import SMALL as PARSER_SMALL
from mien.models.parser.network import ParserNetwork
from mien.models.parser.parse import Parser, area_of
from mien.models.rotate.recover import aligned_crop
from mien.recipes.sources import Sources
from mien.train.order import generator_at
from mien.types import Images, ReadFace, Reading
from mien.zoo.load import load_morphable, load_reader
from mien.zoo.weights import fill, load_tensors

PACKING_SEED = 7
PACKED_TOGETHER = 8
LEAST_CERTAINTY = 0.5
OBJECTS = ("eye_glasses", "hair", "hat")
"""What the parser adds to the mask."""
EYES = ("left_eye", "right_eye")


class TripleMaker:
    """Photos, aligned as faces are for restoration, to triples."""

    def __init__(
        self,
        read: ReadFace,
        model: LinearMorphable,
        settings: SynthesisSettings,
        parser: Parser | None = None,
    ) -> None:
        self.read, self.model, self.settings, self.parser = read, model, settings, parser
        self.closure = close_openings(model.triangles, len(model.mean))

    @torch.no_grad()
    def __call__(self, photos: Images, generator: torch.Generator) -> Triples | None:
        """Of the photos whose face can be read; None if there is none."""
        readings = [self.read(aligned_crop(photo)) for photo in photos]
        sure = [index for index, reading in enumerate(readings) if reading.certainty >= LEAST_CERTAINTY]
        if not sure:
            return None
        return self.make(photos[sure], [readings[index] for index in sure], generator)

    def make(self, photos: Images, readings: list[Reading], generator: torch.Generator) -> Triples:
        estimate = relit(estimate_of(self.model, readings, self.closure), photos, self.settings.draw)
        landmarks = torch.stack([reading.landmarks for reading in readings])
        parts = None if self.parser is None else parts_of(self.parser, photos)
        return synthesize(photos, estimate, landmarks, self.settings, generator, parts)


def parts_of(parser: Parser, photos: Images) -> Parts:
    """The auxiliary mask: glasses and hair, and the eyes."""
    chances = parser(photos)
    return Parts(area_of(chances, OBJECTS), area_of(chances, EYES))


def open_parser(path: Path) -> Parser:
    """A parser from a file of weights."""
    network = ParserNetwork(PARSER_SMALL)
    fill(network, load_tensors(path), path)
    return Parser(network, torch.device("cpu"))


def open_triples(
    sources: Sources, folder: Path, settings: SynthesisSettings, size: int, most: int | None = None
) -> PackedTriples:
    """The triples, made once for a run's folder, of at most so many photos evenly spread over the names."""
    packed = folder / "triples"
    if not (packed / COUNT).exists():
        paths = find_photos(sources.need("photos", "folders of aligned faces, covered ones too"))
        if most is not None and most < len(paths):
            paths = [paths[index * len(paths) // most] for index in range(most)]
        parser = None if sources.parser is None else open_parser(sources.parser)
        maker = TripleMaker(load_reader("cpu"), load_morphable("cpu"), settings, parser)

        def make(numbers: list[int]) -> Triples | None:
            photos = readable([paths[number] for number in numbers], size)
            generator = generator_at(torch.device("cpu"), PACKING_SEED, numbers[0])
            return maker(photos, generator) if len(photos) else None

        pack_triples(make, len(paths), PACKED_TOGETHER, size, packed)
    return PackedTriples.open(packed)


def readable(paths: list[Path], size: int) -> Images:
    """Those that are pictures of at least half the size."""
    found = []
    for path in paths:
        try:
            photo = read_image(path)
        except ImageError:
            continue  # a broken file among thousands is no reason to stop
        if min(photo.shape[1:]) >= size // 2:
            found.append(square(photo, size))
    return torch.stack(found) if found else torch.zeros(0, 3, size, size)
