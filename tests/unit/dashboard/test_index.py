"""The page's HTML, filled in: nothing in it breaks out, nothing in it asks elsewhere."""

from __future__ import annotations

import json
import re

from midday_worker.dashboard.index import page_config, render_index

TEMPLATE = """<base href="<%= basePath %>" /><title><%= title %></title>
<link rel="icon" href="<%= favIconDefault %>"><link rel="alternate icon" href="<%= favIconAlternative %>">
<link href="https://fonts.example.com/css2?family=IBM" rel="stylesheet"><link href="static/css/main.css">
<script id="__UI_CONFIG__" type="application/json"><%- uiConfig %></script>"""


def test_the_link_to_fonts_elsewhere_is_left_out() -> None:
    page = render_index(TEMPLATE, "/admin/", page_config({}))
    assert "https://" not in page
    assert 'href="static/css/main.css"' in page
    assert '<base href="/admin/" />' in page


def test_what_is_configured_cannot_break_out() -> None:
    config = page_config({"boardTitle": '</title><script>alert("1")</script>', "favIcon": {"default": '"><b>'}})
    page = render_index(TEMPLATE, '/"><i>/', config)
    assert "<script>" not in page
    assert "<b>" not in page
    assert "<i>" not in page
    (settings,) = re.findall(r'json">(.*)</script>', page)
    assert json.loads(settings) == config


def test_what_the_server_has_not_cannot_be_switched_on() -> None:
    config = page_config({"hasHistoryProvider": True, "boardTitle": "Ours"})
    assert (config["hasHistoryProvider"], config["boardTitle"], config["hideDocsLink"]) == (False, "Ours", True)
