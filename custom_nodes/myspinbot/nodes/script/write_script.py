"""Write Script: a topic into a narration and a scene."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from comfy_api.latest import io
from typing_extensions import override

from ...comfyui.feedback import Notice, progress_callback
from ...comfyui.model_files import manifest
from ...shared.manifest import command_for
from ...shared.provenance import record
from ...shared.selection import LANGUAGE_MODEL, OLLAMA, SCRIPT_MODELS
from ..automatic.provenance import PROVENANCE, StageChoice, entries
from ..bots.files import BOT, LoadedBot
from .text_encoders import writers

if TYPE_CHECKING:
    from ...engines.script.brief import Script

# How often the template had to do for these inputs: a new number makes ComfyUI ask the model again,
# and show the warning again, instead of taking the template's script from its cache.
_fallbacks: Counter[tuple[Any, ...]] = Counter()


class WriteScript(io.ComfyNode):
    @classmethod
    @override
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="MySpinBotScript",
            display_name="Write Script",
            category="MySpinBot/Script",
            description="Turns a topic into words to be spoken and a description of the picture, with a local "
            "language model: one that Ollama serves, else a Qwen3 text encoder that is there, else a readable "
            "template.",
            search_aliases=["ollama", "llm", "qwen", "text generation", "narration", "prompt", "storyboard", "topic"],
            inputs=[
                io.String.Input(
                    "topic",
                    default="Why is the sky blue?",
                    multiline=True,
                    tooltip="What the video is about, as a question or a few words.",
                ),
                io.Combo.Input(
                    "tone",
                    options=["casual", "formal", "playful", "dramatic"],
                    default="casual",
                    tooltip="How the narration sounds.",
                ),
                io.Int.Input(
                    "length",
                    default=12,
                    min=3,
                    max=300,
                    tooltip="Length of the speech in seconds, at about 2.5 words a second.",
                ),
                io.String.Input(
                    "language",
                    default="English",
                    tooltip="The language of the narration, such as German; a voice set to auto follows it.",
                ),
                io.String.Input(
                    "persona",
                    default="",
                    tooltip="Who speaks, such as `a patient science teacher`; empty for nobody in particular.",
                ),
                io.String.Input(
                    "model",
                    default=LANGUAGE_MODEL,
                    tooltip="The Ollama model that writes; it must have been fetched with `ollama pull`.",
                    advanced=True,
                ),
                io.String.Input(
                    "host",
                    default=OLLAMA,
                    tooltip="The address of the Ollama server; the topic is sent there and nowhere else.",
                    advanced=True,
                ),
                io.Float.Input(
                    "temperature",
                    default=0.4,
                    min=0.0,
                    max=2.0,
                    step=0.05,
                    tooltip="How freely the model writes: 0 always chooses the likeliest word.",
                    advanced=True,
                ),
                io.Float.Input(
                    "timeout",
                    default=20.0,
                    min=1.0,
                    max=600.0,
                    step=1.0,
                    tooltip="Seconds to wait for Ollama before a text encoder or the template takes its place.",
                    advanced=True,
                ),
                io.Int.Input(
                    "seed",
                    default=290381,
                    min=0,
                    max=0x7FFFFFFF,
                    control_after_generate=True,
                    tooltip="The same seed, model and topic give the same script.",
                ),
                BOT,
            ],
            outputs=[
                io.String.Output("narration", tooltip="The words to be spoken."),
                io.String.Output("scene", tooltip="A description of the picture, for an image model."),
                io.Boolean.Output("fallback", tooltip="True when the template was used instead of a model."),
                io.String.Output("language", tooltip="The language of the narration, for a voice set to auto."),
                PROVENANCE,
            ],
        )

    @classmethod
    @override
    def fingerprint_inputs(cls, **inputs: Any) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        return _fallbacks[_key(inputs)]

    @classmethod
    @override
    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls, bot: LoadedBot | None = None, **inputs: Any
    ) -> io.NodeOutput:
        from ...engines.script.brief import Brief
        from ...engines.script.ollama import Model
        from ...engines.script.write import write

        persona = inputs["persona"].strip() or (bot.persona if bot else "")
        brief = Brief(inputs["topic"], inputs["tone"], persona, inputs["length"], inputs["language"])
        model = Model(*(inputs[name] for name in ("host", "model", "temperature", "timeout", "seed")))
        with writers(inputs["temperature"]) as others:
            script = write(brief, model, progress_callback(), others)
            asked = bool(others)
        if script.fallback:
            _fallbacks[_key(inputs)] += 1
        choice = _choice(script)
        models = [record(model) for model in manifest().named([script.model] if script.model else [])]
        ui = {"notices": _notices(script, asked), "provenance": entries(choice), "models": models}
        return io.NodeOutput(script.narration, script.scene, script.fallback, script.language, choice, ui=ui)


def _choice(script: Script) -> str:
    """Who wrote it, as an entry of `provenance`: without the time, as it goes into the video's bytes."""
    used = script.source + (f" ({script.tokens} tokens)" if script.tokens else "")
    return StageChoice("Script", used, script.why, [script.model] if script.model else []).append()


def _notices(script: Script, asked: bool) -> list[Notice]:
    """What the user is told: that a template had to do, or who wrote it when Ollama didn't.

    `asked` is whether there was a text encoder to ask.
    """
    if script.warning:
        small = manifest().named(SCRIPT_MODELS["Qwen3 0.6B"])
        advice = "" if asked else f" To have it written without Ollama: `{command_for(small)}` fetches a small model."
        return [{"level": "warning", "text": script.warning + advice}]
    if not script.model:
        return []
    return [
        {"level": "info", "text": f"{script.source} wrote the script in {script.seconds:g} s. {script.why}".rstrip()}
    ]


def _key(inputs: dict[str, Any]) -> tuple[Any, ...]:
    """What is typed; of what is connected ComfyUI knows nothing when it asks for the fingerprint."""
    return tuple(sorted((name, value) for name, value in inputs.items() if name != "bot"))
