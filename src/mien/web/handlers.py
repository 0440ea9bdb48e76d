"""What the page does when something is pressed. All that it knows of a visitor it gets with the press."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from pathlib import Path

import torch

from mien.image.io import write_image
from mien.web.desk import Answer, Desk, Ticket, outcome
from mien.web.errors import RefusedError, refusing
from mien.web.show import Shown, forget, make_folder, make_shown, mask_of, within, write_turntable
from mien.web.studio import Recovered, Studio, Upload, Wish

POLL_SECONDS = 0.25
EDITED = 1024
"""Longest side of a photo that is painted on."""
COLORS = (
    '<b class="seen">seen</b> <b class="mirrored">mirrored</b> '
    '<b class="lent">from a reference</b> <b class="guessed">imagined</b>'
)
TURNTABLE = [-60.0, -45.0, -30.0, -15.0, 0.0, 15.0, 30.0, 45.0, 60.0]


@dataclass(frozen=True)
class Canvas:
    """A photo that is painted on."""

    picture: str
    height: int
    width: int
    """Of the photo itself."""


@dataclass(frozen=True)
class Asked:
    """What a visitor has set on the page."""

    photo: str | None
    model: str
    other: str
    """A second model to compare with, or nothing."""
    fidelity: float
    min_identity: float | None
    scale: int
    only_largest: bool
    match_colors: bool
    only_face: bool
    references: tuple[str, ...]
    any_person: bool
    layers: tuple[torch.Tensor, ...]
    """What was painted over the photo."""
    canvas: Canvas | None


class Handlers:
    """Shared by all visitors; who waits for what is known by the name of their session."""

    def __init__(self, studio: Studio, desk: Desk, files: Path) -> None:
        self.studio, self.desk, self.files = studio, desk, files
        self._tickets: dict[str, Ticket[object]] = {}

    def stop(self, session: str) -> None:
        """Give up what a visitor waits for."""
        ticket = self._tickets.get(session)
        if ticket is not None:
            ticket.stop()

    async def follow(
        self, session: str, work: Callable[[Ticket[Answer]], Answer]
    ) -> AsyncIterator[str | tuple[Answer]]:
        """Words on how far it is, and at the end the answer; raises a refusal."""
        with refusing():
            self.stop(session)
            ticket = self.desk.submit(work)
            self._tickets[session] = ticket  # pyright: ignore[reportArgumentType]
            start = time.monotonic()
            try:
                while not ticket.future.done() and not ticket.is_late:
                    yield progress_bar(ticket, self.desk.num_before(ticket), time.monotonic() - start)
                    await asyncio.sleep(POLL_SECONDS)
            finally:
                ticket.stop()
                if self._tickets.get(session) is ticket:
                    del self._tickets[session]
            yield (outcome(ticket),)

    def recover(self, asked: Asked, before: Shown | None) -> Callable[[Ticket[Shown]], Shown]:
        """The work behind the large button."""
        upload = read_upload(asked.photo, "a photo")
        references = tuple(read_upload(path, "a reference") for path in asked.references)
        wishes = [self.wish(model, asked, references) for model in chosen(asked)]

        def work(ticket: Ticket[Shown]) -> Shown:
            done: list[Recovered] = []
            for number, wish in enumerate(wishes):

                def tell(share: float, saying: str, number: int = number, model: str = wish.model) -> None:
                    said = saying if len(wishes) == 1 else f"{model}: {saying}"
                    ticket.tell((number + share) / len(wishes), said)

                done.append(self.studio.recover(upload, wish, tell))
            forget(before)
            turns = self.studio.is_turnable(asked.model)
            return make_shown(done, upload, Path(asked.photo or "").name, turns, self.files)

        return work

    def wish(self, model: str, asked: Asked, references: tuple[Upload, ...]) -> Wish:
        """What is asked of one model: only what it can do, since the other may do more."""
        turns, looks = self.studio.is_turnable(model), self.studio.is_guidable(model)
        mask = None
        if turns and asked.canvas is not None and any(bool(layer[..., 3].any()) for layer in asked.layers):
            mask = mask_of([*asked.layers], asked.canvas.height, asked.canvas.width)
        return Wish(
            model=model,
            fidelity=asked.fidelity,
            min_identity=asked.min_identity,
            only_largest=asked.only_largest,
            scale=asked.scale,
            match_colors=asked.match_colors,
            only_face=asked.only_face,
            references=references if looks else (),
            any_person=asked.any_person,
            mask=mask,
        )

    def turn(self, shown: Shown, face: int, yaws: list[float]) -> Callable[[Ticket[str]], str]:
        """The work behind the yaw slider and the turntable."""
        turning, model = shown.turning, shown.results[0].model

        def work(ticket: Ticket[str]) -> str:
            photo = self.studio.open(read_upload(turning.source, "the photo")).image
            frames = self.studio.turntable(photo, turning.detections[face], model, yaws, ticket.tell)
            return write_turntable(frames, Path(shown.folder), turning.marks[face])

        return work

    def prepare_canvas(self, photo: str | None) -> Canvas:
        """The photo as it is painted on."""
        with refusing():
            image = self.studio.open(read_upload(photo, "a photo")).image
        path = make_folder(self.files) / "canvas.jpg"
        write_image(path, within(image, EDITED), quality=92)
        return Canvas(str(path), *image.shape[1:])


def chosen(asked: Asked) -> list[str]:
    """One model or two."""
    return [asked.model] if asked.other in ("", asked.model) else [asked.model, asked.other]


def read_upload(path: str | None, what: str) -> Upload:
    """A file that the page has received."""
    if path is None:
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"There is no {what.removeprefix('a ')} yet.")
    name = Path(path).name
    try:
        return Upload(f'the file "{name}"', Path(path).read_bytes())
    except OSError as error:  # the page's folder was swept, or the disk fails
        saying = f'The file "{name}" is no longer there: choose it once more.'
        raise RefusedError(HTTPStatus.BAD_REQUEST, saying) from error


def progress_bar(ticket: Ticket[Answer], num_before: int, seconds: float) -> str:
    """How far it is, for eyes and for screen readers."""
    share = 100 * ticket.progress.share
    saying = f"waiting for {num_before} before you" if num_before else ticket.progress.saying
    return (
        f'<div class="mien-status"><p role="status">{escape(saying.capitalize())} … {seconds:.0f} s</p>'
        f'<div class="mien-bar" role="progressbar" aria-label="progress" aria-valuenow="{share:.0f}">'
        f'<i style="width:{max(share, 3):.0f}%"></i></div></div>'
    )


def say(sentence: str) -> str:
    """Something that went well."""
    return f'<div class="mien-status"><p role="status">{escape(sentence)}</p></div>'


def complain(sentence: str) -> str:
    """Something that did not."""
    return f'<div class="mien-status mien-problem"><p role="alert">{escape(sentence)}</p></div>'


def legend(shown: Shown | None) -> str:
    """What the colours mean, and what is said of each face."""
    results = () if shown is None else shown.results
    sentences = [
        f"{f'{result.model}, face' if len(results) > 1 else 'Face'} {number + 1}: {face.sentence}"
        for result in results
        for number, face in enumerate(result.faces)
    ]
    items = "".join(f"<li>{escape(told)}</li>" for told in sentences)
    return f'<p class="mien-legend">{COLORS}</p><ul class="mien-told">{items}</ul>'


def summary(shown: Shown, seconds: float) -> str:
    """What was done, in a sentence, and what a person should know of it."""
    num = shown.num_faces
    first = (
        f"{num} face{'' if num == 1 else 's'} recovered in {seconds:.1f} s."
        if num
        else ("No face was found: the photo is as it was.")
    )
    notes = [
        f"{result.model}: {note}" if len(shown.results) > 1 else note
        for result in shown.results
        for note in result.notes
    ]
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    return f'<div class="mien-status"><p role="status">{first}</p><ul>{items}</ul></div>'
