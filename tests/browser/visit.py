"""`Visit`: somebody at the dashboard, whose browser notes what it asks for and what it complains about."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Error, Locator, Page, Request

OPEN_PANEL: Final = "[role=tabpanel]:not([inert])"
"""What the open tab shows; while it slides in, the one before is still there, inert."""

_INLINE: Final = ("data", "blob", "about")
_OF_THE_PAGE: Final = "was preloaded using link preload but not used"
"""A hint of the browser on how bull-board's page loads its own files."""


class Visit:
    """One visitor, with a page.

    Args:
        context: the browser's, of this visitor alone.
        page: the page.

    Attributes:
        expected: texts of errors in the console that the test brings about itself, such as "status of 403".
        elsewhere: the origins, besides the dashboard's, that this test has the browser ask.
        asked: every request, as method and URL.
        complaints: what the browser wrote into its console as wrong, and every error that nothing caught.
    """

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self.page = page
        self.expected: set[str] = set()
        self.elsewhere: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        self._own: set[str] = set()
        self.complaints: list[str] = []
        context.on("request", self._note_request)
        context.on("console", self._note_message)
        context.on("weberror", lambda error: self._complain(error.error))

    async def open(self, url: str) -> Page:
        """Go to an address of the dashboard; its origin is the one that may be asked. Return the page."""
        self._own.add(_origin(url))
        await self.page.goto(url)
        return self.page

    async def choose(self, item: str) -> None:
        """Choose something from a queue's menu, on its page."""
        await self.page.get_by_role("main").locator("button[aria-haspopup=menu]").first.click()
        await self.page.get_by_role("menuitem", name=item).click()

    async def confirm(self) -> None:
        """Say that it is meant, and wait until the question is gone."""
        question = self.page.get_by_role("alertdialog")
        await question.get_by_role("button", name="Confirm").click()
        await question.wait_for(state="hidden")

    @property
    def notices(self) -> Locator:
        """What the page says beside what it shows: refusals."""
        return self.page.get_by_role("region", name="Notifications")

    def check(self) -> None:
        """Fail if the browser asked anybody but the dashboard, or complained about anything unexpected."""
        outside = [url for _, url in self.asked if _origin(url) not in self._own | self.elsewhere]
        assert outside == []
        assert [text for text in self.complaints if not any(known in text for known in self.expected)] == []

    def _note_request(self, request: Request) -> None:
        if urlsplit(request.url).scheme not in _INLINE:
            self.asked.append((request.method, request.url))

    def _note_message(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and _OF_THE_PAGE not in message.text:
            self.complaints.append(f"{message.text} ({message.location['url']})")

    def _complain(self, error: Error) -> None:
        self.complaints.append(f"uncaught: {error.message}")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
