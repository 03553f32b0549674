"""Every shipped workflow opens readable in a window of 1600 by 950."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / "workflows").glob("*.app.json"))
WINDOW = (1600, 950)
FREE = (60, 80, 1600, 950)
"""What neither the tabs nor the bar at the left cover of it: left, top, right, bottom."""
TITLE = 30
"""A node's title, which stands above its position, in the graph's units."""
NO_TEXT = 8 / 14
"""The scale below which the page draws no text, because it would be less than 8 pixels high."""
FITTED, STORED = 0.6, 0.75
"""The least scales: of the view that a template opens with, which is the whole graph, and of the file's own."""
LONGEST_NOTE = 650

UNDER = """() => {
  const graph = app.rootGraph;
  const box = n => [n.pos[0], n.pos[1] - 30, n.pos[0] + n.size[0], n.pos[1] + n.size[1]];
  const covered = (graph, from, to, a, b) => {
    const bend = Math.hypot(a[0] - b[0], a[1] - b[1]) / 4;
    const xs = [a[0], a[0] + bend, b[0] - bend, b[0]], ys = [a[1], a[1], b[1], b[1]];
    const found = [];
    for (let t = 0; t <= 1; t += 0.01) {
      const u = 1 - t, parts = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t];
      const x = parts.reduce((sum, part, i) => sum + part * xs[i], 0);
      const y = parts.reduce((sum, part, i) => sum + part * ys[i], 0);
      found.push(...graph.nodes.filter(n => {
        const [left, top, right, bottom] = box(n), rim = n === from || n === to ? 12 : 0;
        return x > left + rim && x < right - rim && y > top + rim && y < bottom - rim;
      }));
    }
    return found;
  };
  const hidden = [];
  for (const link of graph.links.values()) {
    const from = graph.getNodeById(link.origin_id), to = graph.getNodeById(link.target_id);
    const a = from.getOutputPos(link.origin_slot), b = to.getInputPos(link.target_slot);
    const points = [b];
    for (let id = link.parentId; id != null; id = graph.reroutes.get(id).parentId)
      points.unshift(graph.reroutes.get(id).pos);
    points.unshift(a);
    const over = points.slice(1).flatMap((end, leg) => covered(graph, from, to, points[leg], end))[0];
    if (over) hidden.push(`${from.title}.${from.outputs[link.origin_slot].name} goes under ${over.title}`);
  }
  return hidden;
}"""

LOOK = """() => ({
  scale: app.canvas.ds.scale,
  small: app.canvas.low_quality,
  size: Object.fromEntries(app.rootGraph.nodes.map(n => [n.id, [...n.size]])),
  note: document.querySelector('.comfy-markdown')?.innerText ?? '',
})"""

UNNAMED = """() => {
  const drawn = [];
  const paper = new Proxy({}, {get: (_, key) => key === 'fillText' ? text => drawn.push(text) : () => {}});
  const unnamed = [];
  for (const node of app.rootGraph.nodes) {
    drawn.length = 0;
    node.onDrawForeground?.(paper, app.canvas, app.canvasEl);
    for (const input of node.inputs ?? []) {
      const widget = node.widgets?.find(w => w.name === input.widget?.name);
      if (input.link == null || !widget?.element) continue;
      if (!drawn.includes(widget.label || widget.name)) unnamed.push(`${node.title}.${input.name}`);
    }
  }
  return unnamed;
}"""

DISPLAY_NAMES = {
    match[1]: match[2]
    for file in (ROOT / "custom_nodes" / "myspinbot" / "nodes").rglob("*.py")
    for match in re.finditer(r'node_id="(\w+)",\s+display_name="([^"]+)"', file.read_text("utf-8"))
}
"""What the page calls a node of ours that has no title in the file."""

each = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8"))


def box(node: dict[str, Any]) -> tuple[float, float, float, float]:
    (x, y), (width, height) = node["pos"], node["size"]
    return x, y - TITLE, x + width, y + height


def inside(inner: tuple[float, ...], outer: tuple[float, ...]) -> bool:
    return inner[0] >= outer[0] and inner[1] >= outer[1] and inner[2] <= outer[2] and inner[3] <= outer[3]


@each
def test_nodes_stand_apart(path: Path) -> None:
    nodes = read(path)["nodes"]
    for one, other in combinations(nodes, 2):
        a, b = box(one), box(other)
        apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
        assert apart, f"{one['id']} {one['type']} and {other['id']} {other['type']}"


@each
def test_no_two_nodes_have_the_same_title(path: Path) -> None:
    titles = [node.get("title") or DISPLAY_NAMES.get(node["type"], node["type"]) for node in read(path)["nodes"]]
    assert len(titles) == len(set(titles)), titles


@each
def test_as_a_template_it_is_large_enough_to_read(path: Path) -> None:
    """A template opens with the whole graph in three quarters of the window, whatever the file says."""
    boxes = [box(node) for node in read(path)["nodes"]]
    width = max(b[2] for b in boxes) - min(b[0] for b in boxes) + 20
    height = max(b[3] for b in boxes) - min(b[1] for b in boxes) + 20
    assert 0.75 * min(WINDOW[0] / width, WINDOW[1] / height) >= FITTED > NO_TEXT, (width, height)


@each
def test_its_stored_view_shows_the_note_and_what_a_person_fills_in(path: Path) -> None:
    workflow = read(path)
    scale, (dx, dy) = workflow["extra"]["ds"]["scale"], workflow["extra"]["ds"]["offset"]
    assert STORED <= scale <= 1
    seen = FREE[0] / scale - dx, FREE[1] / scale - dy, FREE[2] / scale - dx, FREE[3] / scale - dy
    fed = {link[3] for link in workflow["links"]}
    for node in workflow["nodes"]:
        if node["id"] not in fed:
            assert inside(box(node), seen), f"{node['id']} {node['type']}"


@each
def test_its_note_is_short_and_says_how_to_run_it(path: Path) -> None:
    (note,) = [node["widgets_values"][0] for node in read(path)["nodes"] if node["type"] == "MarkdownNote"]
    assert note.startswith("## ")
    assert f"myspinbot run workflows/{path.name}" in note
    assert 100 < len(note) <= LONGEST_NOTE


@each
def test_its_loaders_name_the_models_that_its_properties_offer(path: Path) -> None:
    """The page offers to fetch what `properties.models` names; loading another file would leave the user stuck."""
    content = read(path)
    inner = [node for graph in (content.get("definitions") or {}).get("subgraphs", ()) for node in graph["nodes"]]
    for node in [*content["nodes"], *inner]:
        offered = {model["name"] for model in node.get("properties", {}).get("models", ())}
        values = {str(value) for value in node.get("widgets_values") or ()}
        assert offered <= {value.replace("\\", "/").rpartition("/")[2] for value in values} | values, node["type"]


@each
def test_its_form_speaks_in_words(path: Path) -> None:
    workflow = read(path)
    nodes = {str(node["id"]): node for node in workflow["nodes"]}
    for node, name, *_ in workflow["extra"]["linearData"]["inputs"]:
        labels = [socket.get("label") for socket in nodes[node]["inputs"] if socket["name"] == name]
        for label in filter(None, labels):
            assert label[0].isupper(), label
            assert "_" not in label, label


@each
def test_the_page_draws_it_readable(shared_editor: Any, path: Path) -> None:
    workflow = read(path)
    shared_editor.drop(path)
    shared_editor.clear_mask()
    look = shared_editor.page.evaluate(LOOK)
    assert look["scale"] == pytest.approx(workflow["extra"]["ds"]["scale"])
    assert not look["small"]
    assert "Headless:" in look["note"]
    for node in workflow["nodes"]:
        grown = [now - stored for now, stored in zip(look["size"][str(node["id"])], node["size"], strict=True)]
        assert max(grown) <= 1, f"{node['id']} {node['type']} takes more room in the page"
    assert shared_editor.page.evaluate(UNDER) == []
    assert shared_editor.page.evaluate(UNNAMED) == []
