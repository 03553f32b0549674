"""MySpinBot: the list of nodes, nothing else."""

from comfy_api.latest import ComfyExtension, io
from typing_extensions import override

from .nodes.credits import offer_credits
from .nodes.draft_head import DraftHead
from .nodes.draft_speech import DraftSpeech
from .nodes.examples import offer_example_files
from .nodes.f5_load import LoadF5
from .nodes.f5_speak import SpeakF5
from .nodes.script import Script
from .nodes.voice_build import BuildVoice
from .nodes.voice_load import LoadVoice

WEB_DIRECTORY = "./web"


class MySpinBot(ComfyExtension):
    @override
    async def on_load(self) -> None:
        offer_example_files()
        offer_credits()

    @override
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [Script, DraftSpeech, DraftHead, LoadF5, SpeakF5, BuildVoice, LoadVoice]


async def comfy_entrypoint() -> MySpinBot:
    return MySpinBot()
