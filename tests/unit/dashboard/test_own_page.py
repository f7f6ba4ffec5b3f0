"""The page of all runs: its HTML and its files."""

from __future__ import annotations

import re

from midday_worker.dashboard.assets_folder import OWN_FOLDER, find_own
from midday_worker.dashboard.index import page_config, render_index

TEMPLATE = (OWN_FOLDER / "runs.html").read_text()
LINKS = [{"text": "All runs", "url": "runs"}, {"text": "Contracts", "url": "contracts"}]
OWN = ("runs.css", "theme.js", "main.js")


def test_the_page_of_all_runs_is_linked_and_a_user_s_own_links_stay_beside_it() -> None:
    own = {"text": "Grafana", "url": "https://grafana.example"}
    assert page_config({})["miscLinks"] == LINKS
    assert page_config({"miscLinks": [own]})["miscLinks"] == [*LINKS, own]


def test_what_the_page_asks_for_is_there_and_nothing_is_asked_elsewhere() -> None:
    html = render_index(TEMPLATE, "/admin/", page_config({}), {"mainStyles": "static/css/main.css"})
    assert '<base href="/admin/" />' in html
    assert "<%" not in html
    assert set(re.findall(r'static/runs/([^"]+)"', html)) == set(OWN)
    texts = [html, *(file.read_text() for file in OWN_FOLDER.iterdir())]
    assert [text for text in texts if re.search(r"https?://|\bimport\(", text)] == []


def test_every_module_that_is_imported_is_there() -> None:
    for file in OWN_FOLDER.glob("*.js"):
        for name in re.findall(r'from "\./([^"]+)"', file.read_text()):
            assert find_own(name) is not None, f"{file.name} imports {name}"


def test_no_script_is_in_the_page_and_no_text_is_read_as_html() -> None:
    assert [script for script in re.findall(r"<script[^>]*>(.*?)</script>", TEMPLATE, re.S) if script] == [
        "<%- uiConfig %>"
    ]
    assert re.search(r"\son\w+=", TEMPLATE) is None
    for file in OWN_FOLDER.glob("*.js"):
        assert re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", file.read_text()) is None


def test_only_the_page_s_own_files_are_sent() -> None:
    assert find_own("main.js") is not None
    for name in ("runs.html", "missing.js", "../page.py", "..", "", "../../index.py"):
        assert find_own(name) is None
