"""Sending the page's files, compressed, so that browsers keep them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from midday_worker.dashboard.assets_folder import Asset, find_own, load_assets
from midday_worker.dashboard.problem import Problem
from midday_worker.errors import ConfigurationError

PREFIX: Final = "static"
OWN: Final = "runs"
"""The part below it that has the files of the page of all runs."""

_FOR_EVER: Final = "private, max-age=31536000, immutable"
_ASK_AGAIN: Final = "private, no-cache"


def static_file(request: Request, parts: Sequence[str]) -> Response:
    """Return the file of a path below `static/`. Raises Problem."""
    if request.method not in ("GET", "HEAD"):
        raise Problem(405, "ERRORS.FORBIDDEN", "Files can only be read.", headers={"Allow": "GET, HEAD"})
    try:
        asset = find_own(parts[1]) if parts[:1] == (OWN,) and len(parts) == 2 else load_assets().find("/".join(parts))
    except ConfigurationError as error:
        raise Problem(503, "ERRORS.INTERNAL_SERVER_ERROR", str(error), code="ASSETS_MISSING") from error
    if asset is None:
        raise Problem(404, "ERRORS.INVALID_QUERY_PARAM", "There is no such file.", code="NOT_FOUND")
    return _sent(request, asset)


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
