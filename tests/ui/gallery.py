"""The sample pages behind real headers, as a program for a browser to look at."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from packhouse.ui.icons import Icons
from packhouse.ui.render import Renderer
from packhouse.ui.replies import PAGE_HEADERS
from packhouse.ui.static_files import read_static_files

from .samples import pages


def make_gallery(theme: str = "") -> Starlette:
    """A server of the sample pages at /<name>, and of the bundle."""
    static = read_static_files()
    renderer = Renderer(Icons({}), static)

    async def show(request: Request) -> Response:
        return HTMLResponse(renderer.page(pages()[request.path_params["name"]]), headers=dict(PAGE_HEADERS))

    async def asset(request: Request) -> Response:
        found = static.find(request.path_params["name"])
        return Response(found.body, media_type=found.media_type) if found else Response(status_code=404)

    return Starlette(routes=[Route("/-/static/{name}", asset), Route("/{name}", show)])
