"""MySpinBot: the list of nodes, nothing else."""

from comfy_api.latest import ComfyExtension, io
from typing_extensions import override

from .comfyui.example_files import offer_example_files
from .comfyui.provenance import register_provenance
from .nodes.automatic.finish import Finish
from .nodes.automatic.portrait import LoadImageModel, Portrait
from .nodes.automatic.preset import Preset
from .nodes.automatic.provenance import WriteProvenance
from .nodes.automatic.speak import Speak
from .nodes.automatic.talking_head import TalkingHead, TalkingHeadResult
from .nodes.bots.apply_identity import ApplyIdentity
from .nodes.bots.load_bot import LoadBot
from .nodes.bots.save_bot import SaveBot
from .nodes.enhance.restore_faces import RestoreFaces
from .nodes.enhance.restore_model import LoadFaceRestorer
from .nodes.enhance.upscale import Upscale
from .nodes.head.draft_head import DraftHead
from .nodes.identity.graph import (
    IdentityBegin,
    IdentityFinish,
    IdentityMeasure,
    IdentityPictures,
    IdentitySave,
)
from .nodes.identity.train_identity import TrainIdentity
from .nodes.infinitetalk.infinitetalk import InfiniteTalk
from .nodes.infinitetalk.window import InfiniteTalkJoin, InfiniteTalkWindow
from .nodes.lipsync.transfer_lips import TransferLips
from .nodes.lipsync.wav2lip import Wav2Lip
from .nodes.lipsync.wav2lip_model import LoadWav2Lip
from .nodes.measure.measure import Measure
from .nodes.script.write_script import WriteScript
from .nodes.speech.load_f5 import LoadF5
from .nodes.speech.speak_draft import DraftSpeech
from .nodes.speech.speak_f5 import SpeakF5
from .nodes.speech.speak_kokoro import SpeakKokoro
from .nodes.subtitles.burn import BurnSubtitles
from .nodes.subtitles.subtitles import Subtitles
from .nodes.voice.profiles import BuildVoice, LoadVoice
from .nodes.voice.train_voice import TrainVoice

WEB_DIRECTORY = "./web"


class MySpinBot(ComfyExtension):
    @override
    async def on_load(self) -> None:
        offer_example_files()
        register_provenance()

    @override
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [
            *(WriteScript, DraftSpeech, SpeakKokoro, DraftHead),
            *(LoadF5, SpeakF5, BuildVoice, LoadVoice, TrainVoice),
            *(LoadWav2Lip, Wav2Lip, TransferLips),
            *(Subtitles, BurnSubtitles),
            *(Preset, LoadImageModel, Portrait, Speak, TalkingHead, TalkingHeadResult, Finish, WriteProvenance),
            *(SaveBot, LoadBot, ApplyIdentity),
            *(TrainIdentity, IdentityPictures, IdentityBegin, IdentitySave, IdentityMeasure, IdentityFinish),
            *(InfiniteTalk, InfiniteTalkWindow, InfiniteTalkJoin),
            *(Upscale, LoadFaceRestorer, RestoreFaces),
            Measure,
        ]


async def comfy_entrypoint() -> MySpinBot:
    return MySpinBot()
