"""The real editor page, driven through Playwright: load a workflow, read its API form, run it."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# window.app exists long before the graph does, and app.graph logs an error until then.
READY = """() => window.app?.extensionManager && app.canvas
  && Object.keys(window.LiteGraph?.registered_node_types ?? {}).length > 100"""

# A fresh page loads its default workflow a moment after it is ready.
SETTLED = "() => app.rootGraph.nodes.length > 0"

# A real drop: the editor reads the file from the event's DataTransfer.
DROP = """({name, b64}) => {
  const bytes = Uint8Array.from(atob(b64), c => c.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name, {type: 'application/json'}));
  const canvas = document.querySelector('#graph-canvas') ?? document.querySelector('canvas');
  for (const type of ['dragenter', 'dragover', 'drop'])
    canvas.dispatchEvent(new DragEvent(type, {
      bubbles: true, cancelable: true, dataTransfer, clientX: 800, clientY: 450}));
}"""

LOADED = """want => JSON.stringify(app.rootGraph.nodes.map(n => `${n.id} ${n.type}`).sort())
  === JSON.stringify(want)"""

WATCH_RUN = """() => {
  window.__run = undefined;
  for (const type of ['execution_success', 'execution_error', 'execution_interrupted'])
    app.api.addEventListener(type, e => { window.__run = {type, detail: e.detail}; }, {once: true});
}"""

CLEAR_MASK = """async () => {
  const masks = () => [...document.querySelectorAll('.p-blockui-mask.p-overlay-mask-leave')];
  const blocked = () => document.querySelector('.p-blockui-mask') !== null;
  for (let i = 0; i < 50 && blocked(); i++) await new Promise(done => setTimeout(done, 100));
  masks().forEach(mask => mask.remove());
}"""

CONVERT = """async workflow => {
  await app.loadGraphData(workflow, true, false);
  return (await app.graphToPrompt()).output;
}"""

# Many at once: in one tab, with nothing drawn and no models looked for, which is most of the work of a load.
CONVERT_ALL = """async workflows => {
  const {pause_rendering} = app.canvas, {display} = document.body.style;
  app.canvas.pause_rendering = true;
  document.body.style.display = 'none';
  try {
    const found = [], quiet = {showMissingNodesDialog: false, showMissingModelsDialog: false, silentAssetErrors: true};
    for (const workflow of workflows) {
      await app.loadGraphData(workflow, true, false, app.extensionManager.workflow.activeWorkflow, quiet);
      found.push((await app.graphToPrompt()).output);
    }
    return found;
  } finally {
    app.canvas.pause_rendering = pause_rendering;
    document.body.style.display = display;
  }
}"""

HIDE = """() => {
  const before = [app.canvas.pause_rendering, document.body.style.display];
  app.canvas.pause_rendering = true;
  document.body.style.display = 'none';
  return before;
}"""

SHOW = """([paused, display]) => {
  app.canvas.pause_rendering = paused;
  document.body.style.display = display;
}"""


class Editor:
    """A page of the editor at `url`, opened without the first-run dialog."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        self.url = url

    def open(self) -> Editor:
        self.page.request.post(f"{self.url}/api/settings/Comfy.TutorialCompleted", data="true")
        self.page.goto(self.url)
        self.page.wait_for_function(READY)
        self.page.wait_for_function(SETTLED)
        self.clear_mask()
        return self

    def clear_mask(self) -> None:
        """Take the loading mask away: on a busy machine without a screen its fade-out may never end."""
        self.page.evaluate(CLEAR_MASK)

    def drop(self, path: str | Path) -> None:
        """Drop a UI-form file on the canvas and wait until its nodes are there."""
        path = Path(path)
        nodes = sorted(f"{n['id']} {n['type']}" for n in json.loads(path.read_text("utf-8"))["nodes"])
        data = base64.b64encode(path.read_bytes()).decode()
        self.page.evaluate(DROP, {"name": path.name, "b64": data})
        self.page.wait_for_function(LOADED, arg=nodes)

    def prompt(self) -> dict[str, Any]:
        """The API form of what is on the canvas."""
        return _without_preview(self.page.evaluate("async () => (await app.graphToPrompt()).output"))

    def convert(self, workflow: dict[str, Any]) -> dict[str, Any]:
        """Load a UI-form workflow without a drop, and give its API form."""
        return _without_preview(self.page.evaluate(CONVERT, workflow))

    def convert_all(self, workflows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What `convert` gives for each, at less than half the cost: nothing is shown meanwhile."""
        return [_without_preview(graph) for graph in self.page.evaluate(CONVERT_ALL, workflows)]

    @contextlib.contextmanager
    def undrawn(self) -> Iterator[None]:
        """A block in which the page draws nothing: most of the work of building a graph."""
        paused, display = self.page.evaluate(HIDE)
        yield
        self.page.evaluate(SHOW, [paused, display])

    def run(self, timeout: float = 240) -> dict[str, Any]:
        """Press Run and wait for the end: `{"type": "execution_success", "detail": {...}}`."""
        self.clear_mask()
        self.page.evaluate(WATCH_RUN)
        self.page.get_by_role("button", name="Run", exact=True).first.click()
        self.page.wait_for_function("() => window.__run", timeout=timeout * 1000)
        return self.page.evaluate("() => window.__run")


def _without_preview(graph: dict[str, Any]) -> dict[str, Any]:
    """Without the preview that the page adds to Load Video once it plays.

    The server knows no such input, and whether it is there depends on how fast the clip was loaded.
    """
    for entry in graph.values():
        entry["inputs"].pop("video-preview", None)
    return graph
