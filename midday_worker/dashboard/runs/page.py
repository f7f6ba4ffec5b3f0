"""The page of all runs, and how pages of ours are made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from midday_worker.dashboard.assets_folder import OWN_FOLDER, load_assets
from midday_worker.dashboard.call import Call
from midday_worker.dashboard.error_response import Problem
from midday_worker.dashboard.index import render_index
from midday_worker.dashboard.paths import base_path
from midday_worker.errors import ConfigurationError

_STYLES: Final = re.compile(r'href="(static/css/main\.[^"]+\.css)"')


async def show(call: Call) -> Response:
    """GET /runs."""
    return render_own(call, "runs.html")


def render_own(
    call: Call, page: str, texts: Mapping[str, str] | None = None, html: Mapping[str, str] | None = None
) -> Response:
    """Return a page of ours, in the main page's own colours and fonts.

    Args:
        call: what asks for it.
        page: its template.
        texts: what it has places for, to be escaped.
        html: what is HTML already.
    """
    try:
        styles = _STYLES.search(load_assets().index)
    except ConfigurationError as error:
        raise Problem(503, "ERRORS.INTERNAL_SERVER_ERROR", str(error), code="ASSETS_MISSING") from error
    template = (OWN_FOLDER / page).read_text()
    more = {"mainStyles": styles[1] if styles else "", **(texts or {})}
    filled = render_index(template, base_path(call.request.scope), call.board.ui_config, more, html)
    return Response(filled, media_type="text/html")
