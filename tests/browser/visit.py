"""`Visit`: somebody at the dashboard, whose browser notes what it asks for and what it complains about."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Error, Page, Request

_INLINE: Final = ("data", "blob", "about")


class Visit:
    """One visitor, with a page.

    Args:
        context: the browser's, of this visitor alone.
        page: the page.

    Attributes:
        expected: texts of errors in the console that the test brings about itself, such as "status of 403".
        elsewhere: the origins, besides the dashboard's, that this test has the browser ask.
        asked: every request, as method and URL.
    """

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self.page = page
        self.expected: set[str] = set()
        self.elsewhere: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        self._own: set[str] = set()
        self._complaints: list[str] = []
        context.on("request", self._note_request)
        context.on("console", self._note_message)
        context.on("weberror", lambda error: self._complain(error.error))

    async def open(self, url: str) -> Page:
        """Go to an address of the dashboard; its origin is the one that may be asked. Return the page."""
        self._own.add(_origin(url))
        await self.page.goto(url)
        return self.page

    def check(self) -> None:
        """Fail if the browser asked anybody but the dashboard, or complained about anything unexpected."""
        outside = [url for _, url in self.asked if _origin(url) not in self._own | self.elsewhere]
        assert outside == []
        assert [text for text in self._complaints if not any(known in text for known in self.expected)] == []

    def _note_request(self, request: Request) -> None:
        if urlsplit(request.url).scheme not in _INLINE:
            self.asked.append((request.method, request.url))

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._complaints.append(f"{message.text} ({message.location['url']})")

    def _complain(self, error: Error) -> None:
        self._complaints.append(f"uncaught: {error.message}")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
