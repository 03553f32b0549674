"""Upscalers and face restorers against the classes of the packages that published them, with the same random numbers.

    pip install --no-deps --no-build-isolation basicsr==1.4.2 realesrgan==0.3.0 gfpgan==1.3.8 codeformer-pip==0.0.4
    python -m tests.enhance.parity

The packages import what torchvision no longer has; a module that gives it under the old name stands in.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import types
from pathlib import Path

import numpy as np
import torch
import torchvision.transforms.functional as functional

import tests.engines  # noqa: F401
from myspinbot.engines.enhance.restore_network import load_restorer
from tests.enhance.conftest import load

from .scenes import texture

CPU = torch.device("cpu")


def originals() -> dict[str, torch.nn.Module]:
    """Each original with random weights that neither die out nor explode."""
    gone = types.ModuleType("torchvision.transforms.functional_tensor")
    gone.rgb_to_grayscale = functional.rgb_to_grayscale  # type: ignore[attr-defined]
    sys.modules[gone.__name__] = gone
    whole = types.ModuleType("codeformer.basicsr")  # the package's own imports what only training needs
    whole.__path__ = [str(Path(str(importlib.util.find_spec("codeformer").origin)).parent / "basicsr")]  # type: ignore[union-attr]
    sys.modules[whole.__name__] = whole
    from basicsr.archs.rrdbnet_arch import RRDBNet
    from codeformer.basicsr.archs.codeformer_arch import CodeFormer
    from gfpgan.archs.gfpganv1_clean_arch import GFPGANv1Clean
    from realesrgan.archs.srvgg_arch import SRVGGNetCompact

    torch.manual_seed(0)
    return {
        "RRDBNet x2, 23 blocks": RRDBNet(3, 3, scale=2, num_feat=64, num_block=23, num_grow_ch=32),
        "RRDBNet x4, 23 blocks": RRDBNet(3, 3, scale=4, num_feat=64, num_block=23, num_grow_ch=32),
        "SRVGGNetCompact x4, 16 convolutions": SRVGGNetCompact(3, 3, 64, 16, 4),
        "SRVGGNetCompact x4, 32 convolutions": SRVGGNetCompact(3, 3, 64, 32, 4),
        "GFPGANv1Clean": GFPGANv1Clean(
            512, channel_multiplier=2, input_is_latent=True, different_w=True, sft_half=True
        ),
        "CodeFormer, 9 layers": CodeFormer(connect_list=["32", "64", "128", "256"]),
    }


@torch.inference_mode()
def plain(network: torch.nn.Module, picture: np.ndarray) -> np.ndarray:
    """What the original's own class gives, in float levels."""
    x = torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255
    if type(network).__name__ == "GFPGANv1Clean":
        y = (network.eval()((x - 0.5) / 0.5, return_rgb=False, randomize_noise=False)[0] + 1) / 2
    elif type(network).__name__ == "CodeFormer":
        y = (network.eval()((x - 0.5) / 0.5, w=1.0, adain=True)[0] + 1) / 2
    else:
        y = network.eval()(x)
    return y[0].permute(1, 2, 0).clamp(0, 1).numpy() * 255


def main() -> None:
    for name, network in originals().items():
        state = {key: value.detach().clone() for key, value in network.state_dict().items()}
        if name.startswith(("GFPGAN", "CodeFormer")):
            picture = texture(512, 512)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "restorer.pth"
                torch.save({"params_ema": state}, path)
                ours = load_restorer(path, device=CPU, exact=True)(picture[None], 1.0)[0]
        else:
            picture = texture(64, 64)
            ours = load(state)(picture[None])[0]
        theirs = plain(network, picture)
        apart = np.abs(ours - theirs)
        sys.stdout.write(f"{name}: at most {apart.max():.3f} levels, spread of its output {theirs.std():.1f}\n")


if __name__ == "__main__":
    main()
