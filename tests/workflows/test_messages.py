"""What a run has to say, in the real page: a notice leaves by itself, an error stays, each in its own tab."""

import json
from pathlib import Path

import pytest

from tests.conftest import gated
from tests.runner.editor import Editor

ROOT = Path(__file__).resolve().parents[2]
NOTICE, WARNING = "{} begins", "{} is guessed"
MINUTES = 3 * 60_000
TAB = "css=.workflow-tab"


def graph(*nodes: tuple[str, str, list]) -> dict:
    """A workflow of nodes without links: (type, title, values)."""
    entries = [
        {"id": n, "type": kind, "title": title, "pos": [0, 200 * n], "size": [300, 100], "flags": {}, "order": n,
         "mode": 0, "inputs": [], "outputs": [], "properties": {}, "widgets_values": values}
        for n, (kind, title, values) in enumerate(nodes, 1)
    ]  # fmt: skip
    linear = {"inputs": [["1", "tag"]], "outputs": ["1"]}
    return {"nodes": entries, "links": [], "groups": [], "extra": {"linearData": linear}, "version": 0.4}


@pytest.fixture(scope="module")
def desk(browser, server):
    """An editor whose clock the test may turn on."""
    with gated(browser) as page:
        page.clock.install()
        yield Editor(page, server.url).open()


@pytest.fixture
def tab(desk, tmp_path, request):
    """Drops a workflow: a new tab, in view, of that name."""

    def tab(name: str, *nodes: tuple[str, str, list]) -> str:
        name = f"{name}{request.node.name.replace('_', '')[-12:]}"
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(graph(*nodes)))
        desk.drop(path)
        desk.clear_mask()
        return name

    return tab


def choose(desk, name: str) -> None:
    tab = desk.page.locator(TAB, has_text=name).first
    tab.evaluate("tab => tab.closest('button').click()")  # without a pointer, over which the page shows a preview
    desk.page.wait_for_function("name => app.extensionManager.workflow.activeWorkflow?.filename === name", arg=name)


def message(desk, text: str):
    return desk.page.locator(".p-toast-message", has_text=text)


def gone(desk, text: str) -> None:
    desk.page.wait_for_function(
        "text => ![...document.querySelectorAll('.p-toast-message')].some(shown => shown.innerText.includes(text))",
        arg=text,
    )


@pytest.fixture
def failing(desk, tmp_path, request) -> str:
    """The draft pipeline without a topic, which can only fail; what its node says about it."""
    path = tmp_path / f"{request.node.name}.json"
    workflow = json.loads((ROOT / "workflows" / "draft.app.json").read_text("utf-8"))
    path.write_text(json.dumps(workflow | {"id": request.node.name}))
    desk.drop(path)
    desk.clear_mask()
    desk.page.evaluate("() => { app.rootGraph.getNodeById(2).widgets.find(w => w.name === 'topic').value = ''; }")
    return "The topic is empty. Write what the video should be about."


def form(desk) -> None:
    desk.page.get_by_role("button", name="Enter app mode").first.click()
    desk.page.get_by_text("Number of runs").wait_for()


def test_the_form_says_why_a_run_failed_until_it_is_closed(desk, failing):
    form(desk)
    assert desk.run()["type"] == "execution_error"
    error = message(desk, failing)
    error.wait_for()
    assert "Write Script" in error.inner_text()
    desk.page.clock.fast_forward(MINUTES)
    desk.page.clock.run_for(1000)
    assert error.is_visible(), "an error stays"
    warning = desk.page.get_by_test_id("linear-validation-warning")
    for seen in (warning, desk.page.get_by_test_id("linear-widgets")):
        assert not overlap(error.bounding_box(), seen.bounding_box())
    error.locator("button").click()
    error.wait_for(state="detached")
    desk.page.clock.run_for(2000)
    assert error.count() == 0, "what was closed doesn't come again"


def overlap(a: dict, b: dict) -> bool:
    return all(a[at] < b[at] + b[size] and b[at] < a[at] + a[size] for at, size in (("x", "width"), ("y", "height")))


def test_in_the_graph_the_page_itself_says_it(desk, failing):
    assert desk.run()["type"] == "execution_error"
    overlay = desk.page.get_by_test_id("error-overlay")
    overlay.wait_for()
    desk.page.clock.run_for(1000)
    assert message(desk, failing).count() == 0, "nothing covers the page's own"
    desk.page.get_by_test_id("error-overlay-see-errors").click()
    desk.page.get_by_text(failing).first.wait_for()


def test_a_notice_leaves_by_itself(desk, tab):
    tab("leaves", ("TestNotice", "Teller", ["Noon"]))
    assert desk.run()["type"] == "execution_success"
    for text in (NOTICE, WARNING):
        message(desk, text.format("Noon")).wait_for()
    assert "Teller" in message(desk, WARNING.format("Noon")).inner_text()
    desk.page.clock.fast_forward(MINUTES)
    gone(desk, "Noon")


def test_a_notice_makes_room_for_an_error(desk, tab):
    """A second run of the tab, which fails, and whose error the page shows where the notice was."""
    tab("room", ("TestNotice", "Teller", ["Dusk"]), ("MySpinBotSubtitles", "Broken", []))
    desk.page.evaluate("() => { app.rootGraph.getNodeById(2).mode = 2; }")
    assert desk.run()["type"] == "execution_success"
    message(desk, WARNING.format("Dusk")).wait_for()
    desk.page.evaluate("() => { app.rootGraph.getNodeById(1).mode = 2; app.rootGraph.getNodeById(2).mode = 0; }")
    desk.page.get_by_role("button", name="Run", exact=True).first.click()
    desk.page.get_by_test_id("error-overlay").wait_for()
    gone(desk, "Dusk")


def test_a_notice_belongs_to_its_tab(desk, tab, server):
    hold = Path(server.base_directory) / "output" / "hold-tabs.txt"
    hold.parent.mkdir(exist_ok=True)
    hold.write_text("")
    first = tab("first", ("TestSteps", "Long", ["tabs", 2, 0.01, False]))
    press(desk)
    desk.page.evaluate(
        """graph => { const keep = app.rootGraph.getNodeById(1); keep.mode = 2;
          const node = LiteGraph.createNode('TestNotice'); node.title = 'Teller'; app.rootGraph.add(node);
          node.widgets[0].value = 'Dawn'; }"""
    )
    press(desk)
    second = tab("second", ("TestNotice", "Other", ["Night"]))
    desk.page.evaluate(ENDED)
    hold.unlink()
    desk.page.wait_for_function("() => window.__ended === 2")
    desk.page.clock.run_for(1000)
    assert message(desk, "Dawn").count() == 0, "another tab is in view"
    assert desk.run()["type"] == "execution_success"
    message(desk, WARNING.format("Night")).wait_for()
    choose(desk, first)
    message(desk, WARNING.format("Dawn")).wait_for()
    assert "Teller" in message(desk, WARNING.format("Dawn")).inner_text()
    gone(desk, "Night")
    choose(desk, second)
    message(desk, WARNING.format("Night")).wait_for()
    gone(desk, "Dawn")
    assert desk.run()["type"] == "execution_success", "another tab's run"
    choose(desk, first)
    message(desk, WARNING.format("Dawn")).wait_for()
    desk.page.clock.fast_forward(MINUTES)
    gone(desk, "Dawn")


ENDED = """() => {
  window.__ended = 0;
  app.api.addEventListener('execution_success', () => { window.__ended++; });
}"""


def press(desk) -> None:
    """Press Run, and wait until the server has the job."""
    desk.clear_mask()
    before = jobs(desk)
    desk.page.get_by_role("button", name="Run", exact=True).first.click()
    while jobs(desk) <= before:
        desk.page.wait_for_timeout(100)


def jobs(desk) -> int:
    queue = desk.page.request.get(f"{desk.url}/queue").json()
    return len(queue["queue_running"]) + len(queue["queue_pending"])
