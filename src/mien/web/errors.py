"""What is said of whatever goes wrong: a sentence, and the status that the API gives it."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import torch

from mien.image.io import ImageError, TooManyPixelsError, UnknownFormatError
from mien.web.desk import BusyError, LateError, StoppedError

RETRY_SECONDS = 5
MISTAKE = "Something went wrong in the server, which is a mistake of ours: its log has more."


class RefusedError(Exception):
    """Something that a person should be told."""

    def __init__(self, status: HTTPStatus, sentence: str, retry_seconds: int | None = None) -> None:
        self.status, self.sentence, self.retry_seconds = status, sentence, retry_seconds
        super().__init__(sentence)


KNOWN = (ImageError, BusyError, LateError, StoppedError, MemoryError, torch.cuda.OutOfMemoryError)
"""What a picture or the moment can bring about; anything else is a mistake of ours."""


@contextmanager
def refusing() -> Iterator[None]:
    """Whatever is known becomes a refusal."""
    try:
        yield
    except KNOWN as error:
        raise refusal_of(error) from error


def refusal_of(error: BaseException) -> RefusedError:
    """Of one of the known errors."""
    if isinstance(error, BusyError):
        return RefusedError(HTTPStatus.TOO_MANY_REQUESTS, sentence(str(error)), error.seconds)
    if isinstance(error, LateError):
        return RefusedError(HTTPStatus.GATEWAY_TIMEOUT, sentence(str(error)))
    if isinstance(error, StoppedError):
        return RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "The work was stopped.", RETRY_SECONDS)
    if isinstance(error, ImageError):
        return RefusedError(status_of(error), sentence(str(error)))
    return RefusedError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "There is not enough memory for this picture at the moment; a smaller one may work.",
        RETRY_SECONDS,
    )


def status_of(error: ImageError) -> HTTPStatus:
    """Not a picture, too large, or one that cannot be used."""
    if isinstance(error, UnknownFormatError):
        return HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    if isinstance(error, TooManyPixelsError):
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    return HTTPStatus.UNPROCESSABLE_ENTITY


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    text = " ".join(text.split())
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
