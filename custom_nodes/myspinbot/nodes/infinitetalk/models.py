"""The models that InfiniteTalk runs on, from any loader: whether they belong together, and which they are."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ...engines.infinitetalk.audio_features import Encoder

_LOAD_ENCODER = "Load wav2vec2-chinese-base_fp16.safetensors with Load Audio Encoder."


def check_models(model: Any, model_patch: Any, vae: Any) -> None:
    """Raise ValueError, with what to load instead, where models can't work together."""
    config = model.model.model_config.unet_config
    if config.get("image_model") != "wan2.1" or config.get("in_dim") != 36:
        raise ValueError(
            "The model is no Wan 2.1 image-to-video model, which InfiniteTalk runs on. Load one of those, such as "
            "Wan2_1-I2V-14B-480p_fp8_e4m3fn_scaled_KJ.safetensors."
        )
    patch = model_patch.model
    if not hasattr(patch, "audio_proj"):
        raise ValueError(
            "The model patch is not InfiniteTalk's. Load wan2.1_infiniteTalk_single_fp16.safetensors with Load Model "
            "Patch."
        )
    width, layers = patch.blocks[0].audio_cross_attn.dim, len(patch.blocks)
    if width != config["dim"] or layers < config["num_layers"]:
        raise ValueError(
            f"The InfiniteTalk patch is for another model: it has {layers} layers of width {width}, and the model has "
            f"{config['num_layers']} of {config['dim']}. InfiniteTalk's files are for the models with 14B parameters."
        )
    if getattr(vae, "latent_channels", None) != 16 or getattr(vae, "latent_dim", None) != 3:
        raise ValueError("The VAE is not Wan 2.1's. Load wan_2.1_vae.safetensors.")


def audio_encoder(loaded: Any) -> "Encoder":
    """What Load Audio Encoder gave, on the device where it computes.

    Raises:
        ValueError: it is no wav2vec2.
    """
    from comfy.model_management import load_model_gpu

    from ...engines.infinitetalk.audio_features import Encoder
    from ...engines.wav2vec2 import RATE, Network

    module = loaded.model
    if not hasattr(module, "feature_projection"):
        raise ValueError(f"The audio encoder is no wav2vec2. {_LOAD_ENCODER}")

    def core(wave: "Tensor") -> "Sequence[Tensor]":
        return loaded.encode_audio(wave, RATE)["encoded_audio_all_layers"]

    load_model_gpu(loaded.patcher)
    return Encoder(Network(module, loaded.load_device, module.do_normalize), core)


def check_audio_encoder(model_patch: Any, layers: int, channels: int) -> None:
    """Raise ValueError where the audio encoder is one that the patch wasn't trained with."""
    audio = model_patch.model.audio_proj
    if (layers, channels) != (audio.blocks, audio.channels):
        raise ValueError(
            f"The audio encoder gives {layers} layers of width {channels}, and InfiniteTalk needs {audio.blocks} of "
            f"{audio.channels}. {_LOAD_ENCODER}"
        )


def model_hash(value: Any) -> str:
    """What a model is by its content, as `contents_hash` tells it: weights, LoRAs and strengths, other patches."""
    from ...engines.contents import contents_hash

    return contents_hash(value, sample=True, stand_in=_content)


def conditioning_hash(value: Any) -> str:
    """What a conditioning is, or what CLIP sees: as `model_hash`, but every number counts."""
    from ...engines.contents import contents_hash

    return contents_hash(value, stand_in=_content)


def restore_half_precision(model_patch: Any) -> None:
    """Hold the patch in 16 bits again where ComfyUI's loader made 32 of them.

    Without its dynamic memory the loader copies a file of 16-bit numbers into a module of 32-bit ones, which takes
    twice the memory (9.3 instead of 4.6 GiB). Only numbers that 16 bits hold exactly are changed, so that every
    result stays what it was.
    """
    import torch

    if model_patch.is_dynamic() or model_patch.loaded_size():
        return
    changed = False
    for parameter in model_patch.model.parameters():
        if parameter.dtype != torch.float32:
            continue
        for kind in (torch.float16, torch.bfloat16):
            smaller = parameter.data.to(kind)
            if torch.equal(smaller.to(torch.float32), parameter.data):
                parameter.data = smaller
                changed = True
                break
    if changed:
        model_patch.size = 0  # so that ComfyUI counts it anew


def _content(value: Any) -> Any:
    """What counts of ComfyUI's objects: none of what loading, running and cloning change."""
    from comfy.audio_encoders.audio_encoders import AudioEncoderModel
    from comfy.model_patcher import ModelPatcher
    from comfy.sd import VAE

    if isinstance(value, ModelPatcher):
        return [
            type(value.model),
            _weights(value),
            value.patches,
            value.object_patches,
            value.model_options,
            [value.wrappers, value.callbacks, value.injections, value.attachments],
            value.hook_patches,
            value.additional_models,
        ]
    if isinstance(value, VAE):
        return ["VAE", value.patcher, value.vae_dtype]
    if isinstance(value, AudioEncoderModel):
        return ["audio encoder", value.patcher, value.dtype]
    return value


def _weights(patcher: Any) -> dict[str, Any]:
    """The weights as they were loaded, also where LoRAs are merged into them for the time being."""
    module = patcher.model
    found = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    found = {name: value for name, value in found.items() if not name.startswith("model_sampling.")}
    return found | {name: kept.weight for name, kept in patcher.backup.items() if name in found}
