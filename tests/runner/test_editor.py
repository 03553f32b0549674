"""The browser fixture reaches the real page."""


def test_editor_opens_and_converts_the_default_workflow(editor):
    prompt = editor.prompt()
    assert "KSampler" in {node["class_type"] for node in prompt.values()}
