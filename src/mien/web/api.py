"""The API: a picture in, a picture or JSON out."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from http import HTTPStatus
from importlib.metadata import version
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, File, Form, Header, Request, UploadFile, params
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPBearer

from mien.web.answers import Faces, Health, Problem, Report, tell_faces, tell_recovered
from mien.web.desk import Answer, Desk, Ticket, outcome
from mien.web.errors import RefusedError, refusing
from mien.web.settings import ServeSettings
from mien.web.studio import Studio, Upload, Wish, file_of

Responses = dict[int | str, dict[str, object]]
PICTURES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
"""Media types to the formats that are answered."""
JSON = "application/json"
LOOK_SECONDS = 0.5
"""How often it is looked whether a client is still there."""
MAX_NAME = 80
"""Letters of a file's name that an answer repeats."""
PROBLEMS: Responses = {
    int(status): {"model": Problem, "description": words}
    for status, words in (
        (HTTPStatus.BAD_REQUEST, "not a form that can be read"),
        (HTTPStatus.UNAUTHORIZED, "the token is missing or wrong"),
        (HTTPStatus.NOT_ACCEPTABLE, "none of the kinds of answer that there are is accepted"),
        (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too many bytes or pixels"),
        (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not a picture of a known format"),
        (HTTPStatus.UNPROCESSABLE_ENTITY, "a broken picture, or a wish that cannot be meant"),
        (HTTPStatus.TOO_MANY_REQUESTS, "the queue is full; Retry-After says when to come again"),
        (HTTPStatus.SERVICE_UNAVAILABLE, "stopped, or not enough memory"),
        (HTTPStatus.GATEWAY_TIMEOUT, "it took longer than a request may"),
    )
}
PICTURE_OR_REPORT: Responses = {
    200: {
        "model": Report,
        "description": "the picture, or a report on it, as the header Accept says",
        "content": {media: {"schema": {"type": "string", "format": "binary"}} for media in PICTURES},
    }
}


def read_wish(
    model: Annotated[str | None, Form(description="of the `models` of /api/health; else the first")] = None,
    fidelity: Annotated[float, Form(ge=0, le=1, description="share of the input in the result")] = 0.0,
    min_identity: Annotated[
        float | None, Form(ge=-1, le=1, description="faces that are less alike stay as they are")
    ] = None,
    only_largest: Annotated[bool, Form(description="leave all faces but the largest")] = False,
    scale: Annotated[Literal["1", "2", "4"], Form(description="enlarge so many times")] = "1",
    only_face: Annotated[
        bool, Form(description="leave hair, hats and hands before faces as they are")
    ] = False,
    match_colors: Annotated[bool, Form(description="give faces the colours of the picture")] = False,
    yaw: Annotated[float | None, Form(ge=-90, le=90, description="degrees to turn heads to")] = None,
    pitch: Annotated[float | None, Form(ge=-30, le=30, description="the same upwards")] = None,
    keep: Annotated[
        list[Literal["glasses", "hair", "hat"]] | None, Form(description="what is not taken off")
    ] = None,
    paste: Annotated[bool, Form(description="put turned faces back")] = False,
    any_person: Annotated[bool, Form(description="take references of other people, too")] = False,
) -> Wish:
    """The fields of the form that are no files."""
    return Wish(
        model=model or "",
        fidelity=fidelity,
        min_identity=min_identity,
        only_largest=only_largest,
        scale=int(scale),
        match_colors=match_colors,
        only_face=only_face,
        yaw=yaw,
        pitch=pitch,
        keep=tuple(keep or ()),
        paste=paste,
        any_person=any_person,
    )


@dataclass(frozen=True)
class Counter:
    """What the routes work with."""

    studio: Studio
    desk: Desk
    guards: list[params.Depends]
    """A token, if there is one."""
    problems: Responses


def make_router(studio: Studio, desk: Desk, settings: ServeSettings) -> APIRouter:
    """All routes; those that work are behind the token if there is one."""
    router = APIRouter(prefix="/api")
    guards, problems = [Depends(HTTPBearer(auto_error=False))], PROBLEMS
    if settings.token is None:  # nobody is refused for it
        guards, problems = [], {key: told for key, told in PROBLEMS.items() if key != HTTPStatus.UNAUTHORIZED}

    @router.get("/health", summary="How the server is")
    async def health() -> Health:
        return Health("ok", version("mien"), [*studio.models], desk.num_open, desk.places)

    counter = Counter(studio, desk, guards, problems)
    add_recover(router, counter)
    add_faces(router, counter)
    return router


def add_recover(router: APIRouter, counter: Counter) -> None:
    """The route that all this is for."""
    studio = counter.studio

    @router.post(
        "/recover",
        summary="Recover the faces of a picture",
        dependencies=counter.guards,
        responses=PICTURE_OR_REPORT | counter.problems,
        response_class=Response,
    )
    async def recover(
        request: Request,
        picture: Annotated[UploadFile, File(description="PNG, JPEG, WebP, TIFF, BMP or GIF")],
        wish: Annotated[Wish, Depends(read_wish)],
        references: Annotated[
            list[UploadFile] | None, File(description="good photos of the same people, for models that look")
        ] = None,
        mask: Annotated[
            UploadFile | None, File(description="as large as the picture, white where to uncover")
        ] = None,
        pictures: Annotated[bool, Form(description="put pictures into the report, too")] = False,
        accept: Annotated[str, Header(description=f"{', '.join(PICTURES)} or {JSON}")] = "*/*",
    ) -> Response:
        """The picture with its faces recovered, or with `Accept: application/json` a report on them."""
        kind = accepted(accept)
        album = [await received(file, "the reference") for file in references or ()]
        covered = None if mask is None else await received(mask, "the mask")
        chosen = wish.model or next(iter(studio.models))
        asked = replace(wish, model=chosen, references=tuple(album), mask=covered)
        upload = await received(picture, "the picture")

        def work(ticket: Ticket[Response]) -> Response:
            done = studio.recover(upload, asked, ticket.tell)
            if kind == JSON:
                return JSONResponse(tell_recovered(done, pictures))
            return Response(file_of(done, PICTURES[kind]), media_type=kind)

        return await served(counter.desk, request, work)


def add_faces(router: APIRouter, counter: Counter) -> None:
    """What can be known without recovering anything."""

    @router.post(
        "/faces",
        summary="Find the faces of a picture",
        dependencies=counter.guards,
        responses={200: {"model": Faces}}
        | {key: told for key, told in counter.problems.items() if key != HTTPStatus.NOT_ACCEPTABLE},
        response_class=JSONResponse,
    )
    async def faces(
        request: Request,
        picture: Annotated[UploadFile, File(description="PNG, JPEG, WebP, TIFF, BMP or GIF")],
    ) -> Response:
        """Boxes, points, angles and landmarks, the surest face first."""
        upload = await received(picture, "the picture")

        def work(ticket: Ticket[Response]) -> Response:
            return JSONResponse(tell_faces(*counter.studio.find_faces(upload, ticket.tell)))

        return await served(counter.desk, request, work)


async def received(file: UploadFile, what: str) -> Upload:
    """A file of the form; nothing of it is kept."""
    name = " ".join(printable(file.filename or "").split())[-MAX_NAME:]
    return Upload(f'the file "{name}"' if name else what, await file.read())


def printable(name: str) -> str:
    """A file's name without folders, and without what could break a line."""
    return "".join(letter for letter in name.replace("\\", "/").rpartition("/")[2] if letter.isprintable())


def accepted(accept: str) -> str:
    """The kind of answer that the header Accept likes best; a PNG where it does not care."""
    wanted = sorted((part for part in map(read_range, accept.split(","))), key=lambda part: -part[1])
    for media, quality in wanted:
        for kind in (*PICTURES, JSON):
            if quality > 0 and fnmatchcase(kind, media):
                return kind
    raise RefusedError(
        HTTPStatus.NOT_ACCEPTABLE, f"There is {', '.join(PICTURES)} and {JSON}, none of which is accepted."
    )


def read_range(text: str) -> tuple[str, float]:
    """A media range of Accept, and how much it is liked."""
    media, *parameters = (part.strip() for part in text.split(";"))
    quality = next((part[2:] for part in parameters if part.startswith("q=")), "1")
    try:
        return media.lower() or "*/*", float(quality)
    except ValueError:
        return media.lower(), 0.0


async def served(desk: Desk, request: Request, work: Callable[[Ticket[Answer]], Answer]) -> Answer:
    """What the desk makes of it; nothing is done for a client that has gone."""
    with refusing():
        ticket = desk.submit(work)
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        ticket.future.add_done_callback(lambda future: loop.call_soon_threadsafe(over.set))
        try:
            while not over.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(over.wait(), LOOK_SECONDS)
                if not over.is_set() and (ticket.is_late or await request.is_disconnected()):
                    break
        finally:
            ticket.stop()
        return outcome(ticket)
