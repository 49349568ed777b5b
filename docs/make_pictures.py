"""Take the pictures of README from what `python3 run.py demo` made.

    .venv/bin/python docs/make_pictures.py [var/demo]

The page is opened in Chromium with the network cut.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

PICTURES = Path(__file__).resolve().parent / "pictures"
SIZE = {"width": 1400, "height": 860}
COLOURS = 128


def photograph(page_file: Path) -> None:
    """Save the county and one town, before and after."""
    browser_path = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=browser_path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_context(viewport=SIZE, offline=True).new_page()
        page.goto(page_file.resolve().as_uri())
        page.wait_for_selector("body[data-drawn]", state="attached")
        for name, town, choices in (
            ("county", "全县", ("after", "plain")),
            ("town_before", "新青镇", ("before", "households")),
            ("town_after", "新青镇", ("after", "households")),
            ("town_anchors", "五营镇", ("after", "anchors")),
        ):
            page.get_by_role("button", name=town).first.click()
            for choice in choices:
                page.locator(f'#control input[value="{choice}"]').click()
            page.wait_for_timeout(900)
            page.screenshot(path=PICTURES / f"{name}.png")
        browser.close()


def shrink() -> None:
    """Keep few colours, so that the pictures stay small in the repository."""
    for path in PICTURES.glob("*.png"):
        Image.open(path).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> None:
    """Make every picture."""
    demo = Path(sys.argv[1] if len(sys.argv) > 1 else "var/demo")
    PICTURES.mkdir(exist_ok=True)
    photograph(demo / "map.html")
    sheet = Image.open(demo / "sheet_A3.png")
    sheet.resize((1800, round(1800 * sheet.height / sheet.width))).save(PICTURES / "sheet.png")
    shrink()


if __name__ == "__main__":
    main()
