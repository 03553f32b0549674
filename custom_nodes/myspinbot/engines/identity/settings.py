"""How an identity is trained: one table of values for each kind of model.

Where the values come from. ComfyUI's training nodes give every layer an adapter with alpha 1 whose upper matrix begins
with numbers of up to 1/sqrt(rank), so that one step of AdamW changes a weight by about learning_rate / 8. A learning
rate of 1e-4 thus moves as fast as 1e-4 does in trainers that begin with the lower matrix and alpha = rank / 2, which is
what published guides to portraits use. Gradients are checkpointed at depth 2, block by block: at ComfyUI's own default,
depth 1, the whole network is one block and nothing is saved.
"""

from dataclasses import dataclass, replace

Family = str
LEAST, MOST = 5, 50
"""Pictures in a training set."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`resolution` is the side of a square picture in pixels; `step` is what both sides of any are multiples of.

    `sampler`, `scheduler`, `sample_steps` and `cfg` are for the sample pictures.
    """

    resolution: int
    rank: int
    learning_rate: float
    steps: int
    offloading: bool
    sampler: str
    scheduler: str
    sample_steps: int
    cfg: float
    latent_node: str = "EmptyLatentImage"
    batch_size: int = 1
    checkpoint_depth: int = 2
    step: int = 64


FAMILIES: dict[Family, Settings] = {
    "SD 1.5": Settings(512, 16, 2e-4, 1000, False, "dpmpp_2m", "karras", 20, 6.0),
    "SDXL": Settings(1024, 16, 1e-4, 1000, False, "dpmpp_2m", "karras", 25, 5.0),
    "Z-Image-Turbo": Settings(
        768, 16, 1e-4, 1000, True, "res_multistep", "simple", 8, 1.0, latent_node="EmptySD3LatentImage"
    ),
}
ARCHITECTURES: dict[Family, str] = {
    "SD 1.5": "stable-diffusion-v1",
    "SDXL": "stable-diffusion-xl-v1-base",
    "Z-Image-Turbo": "z-image",
}
"""A family as ModelSpec names it, or for Z-Image as SwarmUI does."""
OLDER_ARCHITECTURES = {"z-image-turbo": "z-image"}
"""What older files say instead."""
BASE_VERSIONS: dict[Family, str] = {"SD 1.5": "sd_v1", "SDXL": "sdxl_base_v1-0", "Z-Image-Turbo": "zimage"}
"""A family as sd-scripts' `ss_base_model_version` names it, or for Z-Image as ai-toolkit does."""
MODELS: dict[str, Family] = {"SD15": "SD 1.5", "SDXL": "SDXL", "ZImage": "Z-Image-Turbo"}
"""ComfyUI's class for a kind of model, to the family that it is trained as."""


def settings_for(
    family: Family, *, steps: int = 0, resolution: int = 0, rank: int = 0, learning_rate: float = 0.0
) -> Settings:
    """The settings of a family, with what isn't 0 in place of its own values."""
    own = FAMILIES[family]
    resolution = resolution or own.resolution
    return replace(
        own,
        steps=steps or own.steps,
        resolution=resolution,
        rank=rank or own.rank,
        learning_rate=learning_rate or own.learning_rate,
        step=min(own.step, max(resolution // 8, 16)),
    )


def split_stages(steps: int, sample_every: int) -> tuple[int, ...]:
    """The steps of each stage: `sample_every` at a time, the rest in the last one."""
    if sample_every <= 0 or sample_every >= steps:
        return (steps,)
    whole, rest = divmod(steps, sample_every)
    return (sample_every,) * whole + ((rest,) if rest else ())
