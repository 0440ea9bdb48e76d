"""The door of the API: whether a request may come in is decided before its body is read into memory."""

import hmac
import json
from http import HTTPStatus

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mien.web.desk import BusyError, Desk
from mien.web.errors import RefusedError, refusal_of
from mien.web.settings import ServeSettings

GUARDED = ("/api/recover", "/api/faces")
DRAINED = 4
"""A refused body is read to its end, so that the answer arrives; but not beyond so many times the limit."""


class Gate:
    """Token, size and queue, in this order."""

    def __init__(self, app: ASGIApp, desk: Desk, settings: ServeSettings) -> None:
        self.app, self.desk, self.settings = app, desk, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in GUARDED or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        try:
            self.check(scope)
        except RefusedError as refusal:
            await drain(receive, DRAINED * self.settings.max_bytes)
            await answer(send, refusal)
            return
        await self.app(scope, Counted(receive, self.settings.max_bytes), send)

    def check(self, scope: Scope) -> None:
        """Refuse by what the head of the request says."""
        headers = {name.lower(): value for name, value in scope["headers"]}
        if self.settings.token is not None and not is_token(
            headers.get(b"authorization", b""), self.settings.token
        ):
            raise RefusedError(
                HTTPStatus.UNAUTHORIZED, 'This server wants a token: "Authorization: Bearer TOKEN".'
            )
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self.settings.max_bytes:
            raise too_large(self.settings.max_bytes)
        try:
            self.desk.refuse_if_full()
        except BusyError as error:
            raise refusal_of(error) from error


class Counted:
    """A body that ends in a refusal where it grows too large, whatever its head promised."""

    def __init__(self, receive: Receive, max_bytes: int) -> None:
        self.receive, self.max_bytes = receive, max_bytes
        self.num_bytes = 0

    async def __call__(self) -> Message:
        message = await self.receive()
        self.num_bytes += len(message.get("body", b""))
        if self.num_bytes > self.max_bytes:
            refusal = too_large(self.max_bytes)
            # of this kind, because all others that turn up in a body are taken for a body's own mistakes
            raise HTTPException(refusal.status, refusal.sentence)
        return message


def too_large(max_bytes: int) -> RefusedError:
    limit = f"{max_bytes / 2**20:.0f} MiB" if max_bytes >= 2**20 else f"{max_bytes} bytes"
    return RefusedError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"All pictures together may have {limit} and no more."
    )


def is_token(header: bytes, token: str) -> bool:
    """Whether the header shows it; compared in a time that tells nothing."""
    scheme, _, shown = header.partition(b" ")
    return scheme.lower() == b"bearer" and hmac.compare_digest(shown.strip(), token.encode())


async def drain(receive: Receive, at_most: int) -> None:
    """Read the rest of a body and forget it."""
    num_bytes = 0
    while num_bytes <= at_most:
        message = await receive()
        num_bytes += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return


async def answer(send: Send, refusal: RefusedError) -> None:
    """The refusal as JSON."""
    body = json.dumps({"error": refusal.sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in headers_of(refusal).items()]
    await send({"type": "http.response.start", "status": int(refusal.status), "headers": headers})
    await send({"type": "http.response.body", "body": body})


def headers_of(refusal: RefusedError) -> dict[str, str]:
    """What some refusals say beside their sentence."""
    if refusal.status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": "Bearer"}
    return {} if refusal.retry_seconds is None else {"Retry-After": str(refusal.retry_seconds)}
