"""`mien faces` at work: photo after photo."""

import torch

from mien.cli.faces import FacesArguments
from mien.cli.files import open_photo
from mien.cli.outputs import Job
from mien.cli.progress import Show
from mien.cli.tools import load_finder, load_reader
from mien.cli.work import work_through
from mien.describe import Json, describe_detection, describe_reading, describe_size
from mien.faces.align import align
from mien.geometry.pose import angles_from_rotation
from mien.image.io import ImageError, write_image
from mien.image.warp import identity
from mien.types import Crop, Detection, Image, Reading


def find_in_photos(asked: FacesArguments, jobs: list[Job], entries: list[Json], show: Show) -> None:
    """Find, say and save the faces of each photo; what is found is added to `entries`."""
    find, read = load_finder(asked.device), load_reader(asked.device)

    def work(job: Job) -> str:
        photo = open_photo(job.source, asked.max_pixels, asked.tolerant).photo
        for note in photo.notes:
            show.say(f"{job.name}: {note}")
        with torch.no_grad():
            detections = find(photo.image)
            whole = [Crop(photo.image, identity(), detection.points) for detection in detections]
            readings = [read(crop) for crop in whole]
        save_crops(photo.image, detections, job, asked)
        faces = [
            {**describe_detection(detection), "reading": describe_reading(reading)}
            for detection, reading in zip(detections, readings, strict=True)
        ]
        entries.append({"input": job.name, "size": describe_size(photo.image), "faces": faces})
        if asked.json is None:
            tell(job, detections, readings)
        return f"{job.name}: {len(detections)} face{'' if len(detections) == 1 else 's'}"

    work_through(jobs, work, show, lambda problem: entries.append({**problem.as_json()}))


def save_crops(image: Image, detections: list[Detection], job: Job, asked: FacesArguments) -> None:
    """Every face as a picture of its own, if that was asked for."""
    if job.target is None:
        return
    paths = [job.target.with_name(f"{job.target.name}_{number:02d}.png") for number in range(len(detections))]
    present = [path for path in paths if path.exists()]
    if present and not asked.overwrite:
        raise ImageError(f"{present[0]} exists already; --overwrite replaces it")
    job.target.parent.mkdir(parents=True, exist_ok=True)
    for path, detection in zip(paths, detections, strict=True):
        write_image(path, align(image, detection, asked.template, asked.size).pixels)


def tell(job: Job, detections: list[Detection], readings: list[Reading]) -> None:
    """A line for each face on standard output."""
    for detection, reading in zip(detections, readings, strict=True):
        box = " ".join(f"{number:.0f}" for number in detection.box.tolist())
        yaw, pitch, roll = (round(angle) for angle in angles_from_rotation(reading.rotation).tolist())
        print(
            f"{job.name}  box {box}  score {detection.score:.3f}  yaw {yaw}  pitch {pitch}  roll {roll}  "
            f"occluded {reading.occluded:.0%}",
            flush=True,
        )
