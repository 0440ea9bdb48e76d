"""The server as one application: the API, its description, and the page."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.metadata import version

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from mien.web.api import make_router
from mien.web.desk import Desk
from mien.web.errors import MISTAKE, RefusedError, sentence
from mien.web.gate import Gate, headers_of
from mien.web.manual import make_manual
from mien.web.policy import Policy
from mien.web.settings import ServeSettings
from mien.web.studio import Studio

DESCRIPTION = "Recovers faces: a picture in, a picture or a report out. Nothing that is sent is kept."


def make_app(studio: Studio, settings: ServeSettings) -> FastAPI:
    """The API alone; `add_page` of `page.py` puts the page beside it."""
    desk = Desk(settings.places, settings.seconds)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        desk.close()

    app = FastAPI(
        title="mien",
        version=version("mien"),
        description=DESCRIPTION,
        openapi_url="/api/openapi.json",
        docs_url=None,  # these pages would be fetched from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.desk = desk
    app.include_router(make_router(studio, desk, settings))

    @app.get("/api", include_in_schema=False)
    @app.get("/api/docs", include_in_schema=False)
    async def manual() -> HTMLResponse:
        return HTMLResponse(make_manual(app.openapi()))

    tell_forms(app, [*studio.models])
    add_errors(app)
    app.add_middleware(Gate, desk=desk, settings=settings)
    app.add_middleware(Policy)
    return app


def tell_forms(app: FastAPI, models: list[str]) -> None:
    """A form has no null, so its description has none, and names the models that there are."""
    for name, schema in app.openapi()["components"]["schemas"].items():
        for field, told in schema["properties"].items() if name.startswith("Body_") else ():
            kinds = [kind for kind in told.pop("anyOf", []) if kind.get("type") != "null"]
            told |= kinds[0] if kinds else {}
            if field == "model":
                told["enum"] = models


def add_errors(app: FastAPI) -> None:
    """Whatever goes wrong is one sentence."""

    @app.exception_handler(RefusedError)
    async def refused(request: Request, error: RefusedError) -> Response:
        return JSONResponse({"error": error.sentence}, error.status, headers_of(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        problems = (f"field {place_of(problem['loc'])}: {problem['msg']}" for problem in error.errors())
        return JSONResponse({"error": sentence("; ".join(problems))}, HTTPStatus.UNPROCESSABLE_ENTITY)

    @app.exception_handler(HTTPException)
    async def failed(request: Request, error: HTTPException) -> Response:
        return JSONResponse({"error": sentence(error.detail)}, error.status_code, error.headers)

    @app.exception_handler(Exception)
    async def mistaken(request: Request, error: Exception) -> Response:
        return JSONResponse({"error": MISTAKE}, HTTPStatus.INTERNAL_SERVER_ERROR)


def place_of(loc: tuple[object, ...]) -> str:
    """A field's name, without where it stands."""
    return ".".join(str(part) for part in loc[1:])
