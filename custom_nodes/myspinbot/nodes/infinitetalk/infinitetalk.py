"""InfiniteTalk: a portrait that speaks a speech of any length."""

from typing import Any

from comfy_api.latest import io
from typing_extensions import override

from .inputs import GIVE_NOTHING, inputs

_LINKED = ("model", "model_patch", "vae", "positive", "negative", "clip_vision_output")


class InfiniteTalk(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotInfiniteTalk",
            display_name="InfiniteTalk",
            category="MySpinBot/Talking Head",
            description="Lets a portrait speak a speech of any length, window by window, in the memory of one. After "
            "a stop or a crash, the same inputs go on with the first window that is missing.",
            search_aliases=[
                "talking head",
                "talking avatar",
                "lip sync",
                "audio driven video",
                "wan",
                "multitalk",
                "long video",
                "speaking photo",
            ],
            inputs=inputs(),
            outputs=[
                io.Video.Output("video", tooltip="The talking portrait with the sound."),
                io.Int.Output("windows", tooltip="Of how many windows the video was made."),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.dynprompt],
            enable_expand=True,
        )

    @classmethod
    @override
    def execute(cls, **values: Any) -> io.NodeOutput:
        from comfy_execution.graph_utils import GraphBuilder

        from .begin import begin

        begun = begin(values)
        given = cls.hidden.dynprompt.get_node(cls.hidden.unique_id)["inputs"]
        give_up = values.get("on_oom") == GIVE_NOTHING
        links = {name: given[name] for name in _LINKED if given.get(name) is not None}
        graph, made = GraphBuilder(), {}
        encoded = {
            prompt: graph.node("CLIPTextEncode", clip=given["clip"], text=prompt).out(0)
            for prompt in dict.fromkeys(filter(None, begun.prompts))
        }
        for index, prompt in enumerate(begun.prompts):
            changed = {"positive": encoded[prompt]} if prompt else {}
            window = {**links, **changed, **made, "work": begun.key, "index": index, "may_give_up": give_up}
            made = {"before": graph.node("MySpinBotInfiniteTalkWindow", **window).out(0)}
        join = graph.node("MySpinBotInfiniteTalkJoin", work=begun.key, windows=made["before"])
        return io.NodeOutput(join.out(0), len(begun.prompts), expand=graph.finalize())
