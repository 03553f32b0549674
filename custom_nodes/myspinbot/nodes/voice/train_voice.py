"""Train Voice (LoRA): an adapter for the speech model, trained with clips of a voice."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from typing_extensions import override

from ...comfyui.feedback import Notice, output, progress_callback
from ...comfyui.input_folder import state_of
from ...comfyui.work_store import work_store
from ..speech.load_f5 import F5Socket, LoadedF5
from .profiles import VoiceSocket, save_once, saved_already
from .training_clips import clips_of, folders

if TYPE_CHECKING:
    from ...engines.speech.f5.lora import Adapter
    from ...engines.voice.profile import VoiceProfile
    from ...engines.voice.training.dataset import Clip
    from ...engines.voice.training.train import Settings

_VERSION = 1  # of how voices are trained: what another version saved on the way is not gone on with


class TrainVoice(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        offered = folders()
        return io.Schema(
            node_id="MySpinBotTrainVoice",
            display_name="Train Voice (LoRA)",
            category="MySpinBot/Voice",
            description="Trains a small adapter for a speech model with clips of a voice and their words, and saves "
            "it in a voice profile, from which Speak (F5-TTS) applies it. What was stopped goes on when queued again.",
            search_aliases=["lora", "fine-tune", "finetune", "train voice", "voice training", "f5-tts", "few-shot"],
            is_output_node=True,
            inputs=[
                F5Socket.Input("f5", tooltip="The model to train for, from Load F5-TTS; it stays as it is."),
                VoiceSocket.Input("voice", tooltip="The voice to train, from Build or Load Voice Profile."),
                io.String.Input(
                    "name",
                    default="my voice, trained",
                    tooltip="What the trained voice and its file in models/voices are called.",
                ),
                io.Combo.Input(
                    "folder",
                    options=offered,
                    default=offered[0],
                    tooltip="A folder in ComfyUI's input folder with clips of 1 to 30 s, each with its words in a text "
                    "file of the same name.",
                ),
                io.Int.Input(
                    "steps",
                    default=300,
                    min=1,
                    max=20000,
                    tooltip="How long it is trained at most; it ends earlier when the loss no longer falls.",
                ),
                io.Float.Input(
                    "learning_rate",
                    display_name="Learning rate",
                    default=1e-4,
                    min=1e-6,
                    max=1e-1,
                    step=1e-6,
                    round=1e-7,
                    tooltip="How much each step changes; lower it when the loss jumps.",
                ),
                io.Int.Input(
                    "rank", default=16, min=1, max=256, advanced=True, tooltip="How much the adapter can hold."
                ),
                io.Float.Input(
                    "alpha",
                    default=32.0,
                    min=0.1,
                    max=512.0,
                    step=0.1,
                    advanced=True,
                    tooltip="How strongly the adapter acts: it is multiplied by alpha / rank.",
                ),
                io.Int.Input(
                    "batch_size",
                    display_name="Batch size",
                    default=4,
                    min=1,
                    max=64,
                    advanced=True,
                    tooltip="Clips per step; fewer need less memory.",
                ),
                io.Int.Input(
                    "seed",
                    default=290381,
                    min=0,
                    max=0x7FFFFFFF,
                    tooltip="The same seed, clips and settings give the same adapter.",
                ),
                io.Audio.Input(
                    "recording",
                    optional=True,
                    tooltip="Clips instead of a folder: one, or a batch. Without both, the profile's own seconds.",
                ),
                io.String.Input(
                    "transcript",
                    default="",
                    multiline=True,
                    optional=True,
                    tooltip="Exactly what is said in the recording; for a batch, one line for each clip.",
                ),
            ],
            outputs=[
                VoiceSocket.Output("trained", display_name="trained", tooltip="The voice, for Speak (F5-TTS)."),
                io.Image.Output("loss_plot", tooltip="How the error fell, in training and on what was held out."),
                io.String.Output("report", tooltip="What was trained, how far, and what came of it."),
            ],
        )

    @classmethod
    @override
    def fingerprint_inputs(cls, folder: str, **inputs: Any) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        return state_of(folder)

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        f5: LoadedF5,
        voice: "VoiceProfile",
        name: str,
        folder: str,
        steps: int,
        learning_rate: float,
        rank: int,
        alpha: float,
        batch_size: int,
        seed: int,
        recording: Any = None,
        transcript: str = "",
    ) -> io.NodeOutput:
        from ...engines.voice.training.train import Settings, loss_plot, summary
        from ...shared.file_names import checked_name

        settings = Settings(steps, learning_rate, rank, alpha, batch_size, seed)
        wanted = replace(voice, name=checked_name(name, "A voice"), base_model=f5.name)
        adapter, remarks = _train_or_reuse(f5, wanted, clips_of(voice, folder, recording, transcript), settings)
        notices: list[Notice] = [{"level": "warning", "text": remark} for remark in remarks]
        trained = save_once(replace(wanted, adapter=adapter))
        return output(trained, _image(loss_plot(adapter)), summary(adapter), notices=notices)


def _train_or_reuse(
    f5: LoadedF5, wanted: "VoiceProfile", clips: "list[Clip]", settings: "Settings"
) -> "tuple[Adapter, list[str]]":
    """The adapter and remarks for the user; a saved profile that was trained just so is not trained again."""
    from dataclasses import asdict

    from ...engines.speech.f5.lora import Adapter
    from ...engines.voice.training.dataset import prepare_dataset
    from ...engines.voice.training.train import adapter_of, train
    from ...media.fingerprint import fingerprint

    dataset = prepare_dataset(clips, f5.vocabulary)
    sounds = [[clip.transcript, clip.sample_rate, fingerprint(clip.samples)] for clip in clips]
    vocabulary = fingerprint(dict(f5.vocabulary.numbers))
    key = {
        "version": _VERSION,
        "base": f5.model_hash,
        "vocabulary": vocabulary,
        "clips": fingerprint(sounds),
        "settings": asdict(settings),
    }
    source = fingerprint(key)
    saved = saved_already(replace(wanted, adapter=Adapter({}, f5.model_hash, source, {}, ())))
    if saved is not None and saved.adapter is not None:
        return saved.adapter, dataset.remarks
    job = work_store().job("train-voice", key, f"Training the voice {wanted.name!r}")
    with job.locked():
        model, device = f5.for_training()
        state = train(model, dataset.examples, settings, device=device, job=job, on_step=progress_callback())
    if state.best_point.step == 0:
        raise ValueError(
            "Training did not bring the model closer to what was held out, so nothing was saved. Give more clips, "
            "check that their words are exactly what is said, or change the learning rate."
        )
    return adapter_of(state, settings, base=f5.model_hash, source=source), dataset.remarks


def _image(pixels: Any) -> Any:
    import torch

    return torch.from_numpy(pixels.copy())[None].float() / 255  # (1, H, W, 3)
