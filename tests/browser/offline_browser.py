"""Open a page in Chromium with the network cut, and keep every request and complaint."""

import contextlib
import dataclasses
import shutil
from pathlib import Path

from playwright.sync_api import TimeoutError as WaitedTooLong
from playwright.sync_api import sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclasses.dataclass
class Opened:
    """A loaded page, what it asked for besides itself, and what it complained of."""

    page: object
    requests: list
    complaints: list

    def count(self, selector):
        """Number of elements in the DOM."""
        return self.page.locator(selector).count()

    def choose(self, value):
        """Tick the radio button or check box of that value."""
        self.page.locator(f'#control input[value="{value}"]').click()

    def texts(self, selector):
        """Text of all elements."""
        return self.page.locator(selector).all_text_contents()


@contextlib.contextmanager
def offline_page(path, *, size=(1366, 768), wait="body[data-drawn]"):
    """Yield the page at `path`, opened with the network cut."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            context = browser.new_context(viewport={"width": size[0], "height": size[1]}, offline=True)
            page = context.new_page()
            opened = Opened(page, [], [])
            own = Path(path).resolve().as_uri()
            page.on(
                "request",
                lambda r: opened.requests.append(r.url) if r.url != own and not r.url.startswith("data:") else None,
            )
            page.on("console", lambda m: opened.complaints.append(m.text) if m.type in {"error", "warning"} else None)
            page.on("pageerror", lambda e: opened.complaints.append(str(e)))
            page.goto(own)
            try:
                page.wait_for_selector(wait, timeout=20_000, state="attached")
            except WaitedTooLong as slow:
                raise AssertionError(f"the page was not drawn; it complains: {opened.complaints}") from slow
            yield opened
        finally:
            browser.close()
