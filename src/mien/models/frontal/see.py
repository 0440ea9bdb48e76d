"""What a picture shows of a face once it looks ahead: the 3D face's way there, held beside FRN-TI's."""

import torch

from mien.faces.align import detection_of, fit
from mien.geometry.estimate import estimate_of, five_points_at
from mien.geometry.mesh import close_openings
from mien.geometry.morphable import LinearMorphable
from mien.geometry.rotate import View, rotate
from mien.image.warp import warp_affine
from mien.models.frontal.recover import TEMPLATE, aligned_crop
from mien.types import Images, ReadFace

LEAST_CERTAINTY = 0.3
"""Of a reading; of a face read with less nothing is known to be seen."""


class LookAhead:
    """Pictures of faces, aligned as a Frontalizer's crops are, to what they show of the frontal face."""

    def __init__(self, read: ReadFace, model: LinearMorphable) -> None:
        self.read, self.model = read, model
        self.closure = close_openings(model.triangles, len(model.mean))

    @torch.no_grad()
    def __call__(self, pictures: Images) -> View:
        views = [self.see(picture[None]) for picture in pictures]
        return View(
            pixels=torch.cat([view.pixels for view in views]),
            seen=torch.cat([view.seen for view in views]),
            covered=torch.cat([view.covered for view in views]),
        )

    def see(self, picture: Images) -> View:
        """One face, cut as a face that looks ahead is."""
        reading = self.read(aligned_crop(picture[0]))
        if not reading.certainty >= LEAST_CERTAINTY:
            nothing = torch.zeros_like(picture[:, :1])
            return View(picture, nothing, nothing)
        estimate = estimate_of(self.model, [reading], self.closure)
        ahead = torch.eye(3)[None]
        view = rotate(picture, estimate.face, ahead)
        planes = torch.cat((view.pixels, view.seen, view.covered), 1)  # (1, 5, S, S)
        size = picture.shape[-1]
        place = fit(detection_of(five_points_at(self.model, estimate, ahead)[0]), TEMPLATE, size)
        drawn = warp_affine(planes, place[None], size, size, "border").clamp(0, 1)
        pixels, seen, covered = drawn.split((3, 1, 1), dim=1)
        return View(pixels, seen, covered)
