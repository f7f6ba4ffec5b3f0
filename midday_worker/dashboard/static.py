"""Sending the page's files, compressed, so that browsers keep them."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from midday_worker.dashboard.assets_folder import Asset, find_own, load_assets
from midday_worker.dashboard.call import Call
from midday_worker.dashboard.error_response import Problem
from midday_worker.errors import ConfigurationError

_OWN: Final = "runs/"
"""Where the files of the page of all runs are, below `static/`."""

_FOR_EVER: Final = "private, max-age=31536000, immutable"
_ASK_AGAIN: Final = "private, no-cache"


async def show_file(call: Call) -> Response:
    """GET /static/:path: one of the page's files."""
    path = call.params["path"]
    try:
        asset = find_own(path.removeprefix(_OWN)) if path.startswith(_OWN) else load_assets().find(path)
    except ConfigurationError as error:
        raise Problem(503, "ERRORS.INTERNAL_SERVER_ERROR", str(error), code="ASSETS_MISSING") from error
    if asset is None:
        raise Problem(404, "ERRORS.INVALID_QUERY_PARAM", "There is no such file.", code="NOT_FOUND")
    return _sent(call.request, asset)


def _sent(request: Request, asset: Asset) -> Response:
    headers = {
        "Cache-Control": _FOR_EVER if asset.lasting else _ASK_AGAIN,
        "ETag": asset.tag,
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("if-none-match") == asset.tag:
        return Response(status_code=304, headers=headers)
    if asset.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.compressed, headers={**headers, "Content-Encoding": "gzip"}, media_type=asset.kind)
    return Response(asset.body, headers=headers, media_type=asset.kind)
