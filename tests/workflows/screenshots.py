"""Pictures of the shipped workflows as a window of 1600 by 950 shows them: `python -m tests.workflows.screenshots OUT`.

Names after the folder choose workflows. Each is opened as a file, `NAME.png`, and as a form, `NAME.form.png`.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.conftest import CHROMIUM_ARGS, ROOT, make_server
from tests.runner.editor import Editor


def main(out: Path, names: list[str]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    paths = [path for path in sorted((ROOT / "workflows").glob("*.app.json")) if not names or path.stem[:-4] in names]
    chromium = os.environ.get("MYSPINBOT_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as base, make_server(Path(base)) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*CHROMIUM_ARGS, "--no-sandbox"])
        page = browser.new_page(viewport={"width": 1600, "height": 950})
        editor = Editor(page, server.url).open()
        for path in paths:
            editor.drop(path)
            editor.clear_mask()
            page.wait_for_timeout(2000)
            page.screenshot(path=out / f"{path.stem[:-4]}.png")
            page.get_by_role("button", name="Enter app mode").first.click()
            page.get_by_text("Number of runs").wait_for()
            page.wait_for_timeout(2000)
            page.screenshot(path=out / f"{path.stem[:-4]}.form.png")
            page.get_by_role("button", name="Enter node graph").first.click()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
