"""The page's HTML: the template that comes with its files, filled in."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from typing import Final, cast

_DEFAULTS: Final[Mapping[str, object]] = {
    "boardTitle": "midday_worker",
    "favIcon": {"default": "static/images/logo.svg", "alternative": "static/favicon-32x32.png"},
    # Both would make outside requests, or need routes that this server hasn't.
    "hideDocsLink": True,
    "hasHistoryProvider": False,
    "hasHistoryUsage": False,
    "canPurgeHistory": False,
    "hasLatencyHistory": False,
    "showMetrics": True,
}
_OWN_LINKS: Final = [{"text": "All runs", "url": "runs"}, {"text": "Contracts", "url": "contracts"}]
_FIXED: Final = ("hasHistoryProvider", "hasHistoryUsage", "canPurgeHistory", "hasLatencyHistory")
_FONTS: Final = re.compile(r"<link\b[^>]*\bhref=\"https?://[^>]*>")
_PLACE: Final = re.compile(r"<%[=-]\s*(\w+)\s*%>")


def page_config(given: Mapping[str, object]) -> dict[str, object]:
    """Return the page's settings: the defaults, with the given ones over them where they may be changed."""
    links = given.get("miscLinks")
    return {
        **_DEFAULTS,
        **{name: value for name, value in given.items() if name not in _FIXED},
        "miscLinks": [*_OWN_LINKS, *(cast("list[object]", links) if isinstance(links, list | tuple) else ())],
    }


def render_index(
    template: str,
    base: str,
    config: Mapping[str, object],
    more: Mapping[str, str] | None = None,
    parts: Mapping[str, str] | None = None,
) -> str:
    """Return the page.

    Args:
        template: what comes with the page's files; its link to fonts elsewhere is left out.
        base: where the dashboard is mounted, with a slash at its end.
        config: the page's settings.
        more: what else the template has places for.
        parts: of that, what is HTML.
    """
    icons = config.get("favIcon")
    icon: Mapping[str, object] = cast("Mapping[str, object]", icons) if isinstance(icons, Mapping) else {}
    settings = json.dumps(config).replace("<", "\\u003c").replace(">", "\\u003e")
    values = {
        "basePath": html.escape(base),
        "title": html.escape(str(config.get("boardTitle", ""))),
        "favIconDefault": html.escape(str(icon.get("default", ""))),
        "favIconAlternative": html.escape(str(icon.get("alternative", ""))),
        "uiConfig": settings,
        **{name: html.escape(value) for name, value in (more or {}).items()},
        **(parts or {}),
    }
    return _PLACE.sub(lambda place: values.get(place[1], ""), _FONTS.sub("", template))
