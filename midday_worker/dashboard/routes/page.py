"""The page itself."""

from __future__ import annotations

from starlette.responses import Response

from midday_worker.dashboard.assets_folder import load_assets
from midday_worker.dashboard.call import Call
from midday_worker.dashboard.error_response import Problem
from midday_worker.dashboard.index import render_index
from midday_worker.dashboard.paths import base_path
from midday_worker.errors import ConfigurationError


async def show(call: Call) -> Response:
    """GET / and the page's own addresses: the page decides what it shows at them."""
    try:
        template = load_assets().index
    except ConfigurationError as error:
        raise Problem(503, "ERRORS.INTERNAL_SERVER_ERROR", str(error), code="ASSETS_MISSING") from error
    html = render_index(template, base_path(call.request.scope), call.board.ui_config)
    return Response(html, media_type="text/html")
