# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Pages for people: the landing page, REST documentation and the GraphQL explorer. Nothing is loaded from other servers."""

from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter
from starlette.responses import FileResponse, HTMLResponse

from kit.errors import NotFound

STATIC = Path(__file__).parent / "static"
POLICY = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
    "X-Content-Type-Options": "nosniff",
}

router = APIRouter(include_in_schema=False)


def swagger_folder() -> Path | None:
    """Where the package `fastapi-offline` keeps Swagger UI, or None without it. The package itself is not imported."""
    spec = find_spec("fastapi_offline")
    return None if spec is None or spec.origin is None else Path(spec.origin).parent / "static"


def _assets() -> dict[str, Path]:
    ours = {path.name: path for path in STATIC.iterdir() if path.suffix in {".css", ".js"}}
    swagger = swagger_folder()
    theirs = {} if swagger is None else {n: swagger / n for n in ("swagger-ui-bundle.js", "swagger-ui.css")}
    return {**theirs, **ours}


ASSETS = _assets()


@router.get("/")
async def landing() -> FileResponse:
    """Where to look."""
    return FileResponse(STATIC / "index.html", headers=POLICY)


@router.get("/docs")
async def docs() -> FileResponse:
    """Swagger UI over openapi.json where its package is installed, else a plain reference of our own."""
    page = "docs.html" if "swagger-ui-bundle.js" in ASSETS else "reference.html"
    return FileResponse(STATIC / page, headers=POLICY)


@router.get("/assets/{name}")
async def asset(name: str) -> FileResponse:
    """A script or a style sheet."""
    if name not in ASSETS:
        raise NotFound("request.not_found", f"there is no asset {name}")
    return FileResponse(ASSETS[name], headers={**POLICY, "Cache-Control": "max-age=3600"})


def graphql_page() -> HTMLResponse:
    """The explorer, for a browser that opens /graphql."""
    return HTMLResponse((STATIC / "graphql.html").read_text(), headers=POLICY)
