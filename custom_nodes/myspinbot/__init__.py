"""MySpinBot: the list of nodes, nothing else."""

from comfy_api.latest import ComfyExtension, io
from typing_extensions import override

from .nodes.automatic.credit import Credit
from .nodes.automatic.finish import Finish
from .nodes.automatic.head import TalkingHead, TalkingHeadResult
from .nodes.automatic.image_load import LoadImageModel
from .nodes.automatic.portrait import Portrait
from .nodes.automatic.preset import Preset
from .nodes.automatic.speak import Speak
from .nodes.bot_apply import ApplyIdentity
from .nodes.bot_load import LoadBot
from .nodes.bot_save import SaveBot
from .nodes.credits import offer_credits
from .nodes.draft_head import DraftHead
from .nodes.draft_speech import DraftSpeech
from .nodes.examples import offer_example_files
from .nodes.f5_load import LoadF5
from .nodes.f5_speak import SpeakF5
from .nodes.identity_results import IdentityFinish, IdentityMeasure
from .nodes.identity_stages import IdentityBegin, IdentityKeep, IdentityPictures
from .nodes.identity_train import TrainIdentity
from .nodes.infinitetalk import InfiniteTalk
from .nodes.infinitetalk_window import InfiniteTalkJoin, InfiniteTalkWindow
from .nodes.relip import Relip
from .nodes.restore import RestoreFaces
from .nodes.restore_model import LoadFaceRestorer
from .nodes.script import Script
from .nodes.subtitles import Subtitles
from .nodes.subtitles_burn import BurnSubtitles
from .nodes.upscale import Upscale
from .nodes.voice_build import BuildVoice
from .nodes.voice_load import LoadVoice
from .nodes.voice_train import TrainVoice
from .nodes.wav2lip import Wav2Lip
from .nodes.wav2lip_model import LoadWav2Lip

WEB_DIRECTORY = "./web"


class MySpinBot(ComfyExtension):
    @override
    async def on_load(self) -> None:
        offer_example_files()
        offer_credits()

    @override
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [
            *(Script, DraftSpeech, DraftHead),
            *(LoadF5, SpeakF5, BuildVoice, LoadVoice, TrainVoice),
            *(LoadWav2Lip, Wav2Lip, Relip),
            *(Subtitles, BurnSubtitles),
            *(Preset, LoadImageModel, Portrait, Speak, TalkingHead, TalkingHeadResult, Finish, Credit),
            *(SaveBot, LoadBot, ApplyIdentity),
            *(TrainIdentity, IdentityPictures, IdentityBegin, IdentityKeep, IdentityMeasure, IdentityFinish),
            *(InfiniteTalk, InfiniteTalkWindow, InfiniteTalkJoin),
            *(Upscale, LoadFaceRestorer, RestoreFaces),
        ]


async def comfy_entrypoint() -> MySpinBot:
    return MySpinBot()
