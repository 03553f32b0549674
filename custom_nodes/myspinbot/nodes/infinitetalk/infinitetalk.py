"""InfiniteTalk: a portrait that speaks a speech of any length."""

from typing import Any

from comfy_api.latest import io
from typing_extensions import override

from ...comfyui.feedback import output
from ...engines.infinitetalk.settings import AUDIO_FEATURES, COLOR_MATCHES, FITS, SAMPLERS, TILINGS

_LINKED = ("model", "model_patch", "vae", "positive", "negative", "clip_vision_output")
_SKIP = "skip"


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
            inputs=_inputs(),
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

        from .prepare import prepare

        prepared = prepare(defaults() | values)
        given = cls.hidden.dynprompt.get_node(cls.hidden.unique_id)["inputs"]
        links = {name: given[name] for name in _LINKED if given.get(name) is not None}
        links |= {"key": prepared.key, "skip_on_oom": values.get("on_oom") == _SKIP}
        graph, windows = GraphBuilder(), {}
        encoded = {
            prompt: graph.node("CLIPTextEncode", clip=given["clip"], text=prompt).out(0)
            for prompt in dict.fromkeys(filter(None, prepared.prompts))
        }
        for index, prompt in enumerate(prepared.prompts):
            changed = {"positive": encoded[prompt]} if prompt else {}
            window = graph.node("MySpinBotInfiniteTalkWindow", index=index, **(links | changed | windows))
            windows = {"windows": window.out(0)}
        join = graph.node("MySpinBotInfiniteTalkJoin", key=prepared.key, **windows)
        return output(join.out(0), len(prepared.prompts), notices=prepared.notices, expand=graph.finalize())


def _inputs() -> list[io.Input]:
    return [*_models(), *_size(), *_sampling(), *_windows(), *_optional()]


def defaults() -> dict[str, Any]:
    """The default of each input that has one, by its name."""
    found = {item.id: getattr(item, "default", None) for item in _inputs()}
    return {name: default for name, default in found.items() if default is not None}


def _models() -> list[io.Input]:
    return [
        io.Model.Input("model", tooltip="A Wan 2.1 image-to-video model, with the few-step LoRA if you use one."),
        io.ModelPatch.Input("model_patch", tooltip="InfiniteTalk, from Load Model Patch."),
        io.Vae.Input("vae", tooltip="Wan 2.1's VAE."),
        io.AudioEncoder.Input("audio_encoder", tooltip="The wav2vec2 audio encoder, from Load Audio Encoder."),
        io.Conditioning.Input("positive", tooltip="What is to be seen, from CLIP Text Encode."),
        io.Conditioning.Input("negative", tooltip="What is not to be seen; of no effect while cfg is 1."),
        io.Audio.Input("audio", tooltip="The speech; the video is as long as it is."),
    ]


def _size() -> list[io.Input]:
    return [
        io.Int.Input("width", default=512, min=16, max=4096, step=16, tooltip="Width of the video in pixels."),
        io.Int.Input("height", default=512, min=16, max=4096, step=16, tooltip="Height of the video in pixels."),
        io.Combo.Input(
            "fit",
            options=list(FITS),
            default="crop",
            tooltip="How a portrait of another shape is fitted: cropped around its middle, or padded with black.",
        ),
        io.Int.Input(
            "fps",
            default=25,
            min=8,
            max=60,
            tooltip="Frames a second; InfiniteTalk was trained at 25, and moves best there.",
        ),
    ]


def _sampling() -> list[io.Input]:
    return [
        io.Int.Input(
            "steps",
            default=6,
            min=1,
            max=100,
            tooltip="Steps per window: 4 to 8 with the few-step LoRA, about 40 without it.",
        ),
        io.Float.Input(
            "cfg",
            default=1.0,
            min=0.0,
            max=30.0,
            step=0.1,
            tooltip="How closely the prompt is followed: 1 with the few-step LoRA, about 5 at twice the time without.",
        ),
        io.Float.Input(
            "shift",
            default=11.0,
            min=0.0,
            max=100.0,
            step=0.1,
            tooltip="How much of the steps goes to the coarse shapes; 0 keeps what the model comes with.",
        ),
        io.Combo.Input(
            "sampler_name",
            options=list(SAMPLERS),
            default="dpm++_sde",
            tooltip="The sampler: dpm++_sde for detail, euler as in ComfyUI's own template.",
        ),
        io.Int.Input(
            "seed",
            default=290381,
            min=0,
            max=0x7FFFFFFF,
            control_after_generate=True,
            tooltip="The same seed gives the same video; each window counts on from it.",
        ),
    ]


def _windows() -> list[io.Input]:
    return [
        io.Int.Input(
            "frame_window_size",
            default=81,
            min=5,
            max=401,
            step=4,
            tooltip="Frames that the model makes at once; 81 is what it was trained for. Must be 4n+1.",
        ),
        io.Int.Input(
            "motion_frame",
            default=25,
            min=1,
            max=201,
            step=4,
            tooltip="Frames of the window before that each window goes on from: 25 for the smoothest motion, 9 for "
            "fewer windows. Must be 4n+1.",
        ),
        io.Float.Input(
            "audio_scale",
            default=1.6,
            min=-10.0,
            max=10.0,
            step=0.05,
            tooltip="How strongly the speech moves the mouth; 1 is as trained.",
        ),
        io.Boolean.Input(
            "normalize_loudness",
            default=True,
            tooltip="Bring the speech to -23 LUFS for the audio encoder; what is heard in the video stays as it is.",
        ),
        io.Combo.Input(
            "color_match",
            options=list(COLOR_MATCHES),
            default="mkl",
            tooltip="Keep the colours of the portrait in every window, so that long videos don't drift: mkl matches "
            "all of their distribution, lab each channel's mean and spread.",
        ),
        io.Combo.Input(
            "vae_tiling",
            options=list(TILINGS),
            default="auto",
            advanced=True,
            tooltip="Decode frames tile by tile, which takes less memory and more time; auto does above 480p.",
        ),
        io.Combo.Input(
            "scheduler",
            options=["simple", "normal", "sgm_uniform", "beta", "linear_quadratic", "kl_optimal"],
            default="simple",
            advanced=True,
            tooltip="How the steps are spaced, as ComfyUI's schedulers are named.",
        ),
    ]


def _optional() -> list[io.Input]:
    return [
        io.Image.Input("portrait", optional=True, tooltip="A picture of who speaks; the first of a batch is used."),
        io.Video.Input(
            "source_video",
            optional=True,
            tooltip="A clip to speak over instead of a portrait: each window starts from its frame at that time, "
            "which keeps minutes from drifting.",
        ),
        io.ClipVisionOutput.Input(
            "clip_vision_output",
            optional=True,
            tooltip="The portrait as CLIP Vision Encode sees it; not needed.",
        ),
        io.Audio.Input("audio_2", optional=True, tooltip="What a second speaker says."),
        io.Mask.Input("mask_1", optional=True, tooltip="Where the first of two speakers is in the portrait."),
        io.Mask.Input("mask_2", optional=True, tooltip="Where the second speaker is in the portrait."),
        io.Clip.Input("clip", optional=True, tooltip="The text encoder, for `prompts` only."),
        io.String.Input(
            "prompts",
            default="",
            multiline=True,
            optional=True,
            advanced=True,
            tooltip="What is to be seen when, instead of `positive`: a line for each window, or lines such as "
            "`0:12 She smiles.` from a time on.",
        ),
        io.Float.Input(
            "audio_2_start",
            default=-1.0,
            min=-1.0,
            max=100000.0,
            step=0.01,
            optional=True,
            advanced=True,
            tooltip="When the second speaker begins, in seconds; -1 is when the first has ended.",
        ),
        io.Combo.Input(
            "on_oom",
            options=["stop", _SKIP],
            default="stop",
            optional=True,
            advanced=True,
            tooltip="What to do if memory runs out: stop with an error, or skip, for another node to step in.",
        ),
        io.Combo.Input(
            "audio_features",
            options=list(AUDIO_FEATURES),
            default="upstream",
            optional=True,
            advanced=True,
            tooltip="How the speech is encoded: upstream as InfiniteTalk was trained, core as ComfyUI's own nodes do, "
            "which is up to a frame early.",
        ),
    ]
