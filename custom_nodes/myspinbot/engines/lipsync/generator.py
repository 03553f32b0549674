"""Wav2Lip: the network that generates lips for a sound, and its published files, checked and made ready to run.

Prajwal, Mukhopadhyay, Namboodiri and Jawahar, "A Lip Sync Expert Is All You Need for Speech to Lip Generation In
the Wild" (2020). A face is encoded to a point through seven stages, the sound to another, and a decoder draws
from the sound back up through what each stage saw.
"""

from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ...media.fingerprint import fingerprint
from ..precision import Prepared, prepare
from ..weights import WeightsError, load_weights

SIDE = 96  # pixels of a face
Window = tuple[int, int, int, int]  # top, bottom, left, right in pixels; the ends are not within
WHOLE: Window = (0, SIDE, 0, SIDE)
BANDS, COLUMNS = 80, 16  # of the mel spectrogram that a frame depends on
ONE_LEVEL = 1 / 255  # of a picture in 8 bits: how far half precision may be off on average
_COUNTER = "num_batches_tracked"  # of the batch norms; no part of what they compute


class Layer(NamedTuple):
    """A convolution, or with `out_padding` a transposed one; `residual` adds what came in."""

    inputs: int
    outputs: int
    kernel: int
    stride: int | tuple[int, int]
    padding: int
    residual: bool = False
    out_padding: int | None = None


def _same(channels: int) -> Layer:
    return Layer(channels, channels, 3, 1, 1, residual=True)


def _down(inputs: int, outputs: int, residuals: int) -> list[Layer]:
    return [Layer(inputs, outputs, 3, 2, 1), *[_same(outputs)] * residuals]


def _up(inputs: int, outputs: int) -> list[Layer]:
    return [Layer(inputs, outputs, 3, 2, 1, out_padding=1), *[_same(outputs)] * 2]


FACE_ENCODER = [
    [Layer(6, 16, 7, 1, 3)],
    _down(16, 32, 2),
    _down(32, 64, 3),
    _down(64, 128, 2),
    _down(128, 256, 2),
    _down(256, 512, 1),
    [Layer(512, 512, 3, 1, 0), Layer(512, 512, 1, 1, 0)],
]
AUDIO_ENCODER = [
    Layer(1, 32, 3, 1, 1),
    *[_same(32)] * 2,
    Layer(32, 64, 3, (3, 1), 1),
    *[_same(64)] * 2,
    Layer(64, 128, 3, 3, 1),
    *[_same(128)] * 2,
    Layer(128, 256, 3, (3, 2), 1),
    _same(256),
    Layer(256, 512, 3, 1, 0),
    Layer(512, 512, 1, 1, 0),
]
FACE_DECODER = [
    [Layer(512, 512, 1, 1, 0)],
    [Layer(1024, 512, 3, 1, 0, out_padding=0), _same(512)],
    [Layer(1024, 512, 3, 2, 1, out_padding=1), _same(512), _same(512)],
    _up(768, 384),
    _up(512, 256),
    _up(320, 128),
    _up(160, 64),
]


class Block(nn.Module):
    """Convolution, batch norm, and a ReLU over both and, if `residual`, the input."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.residual = layer.residual
        shape = (layer.inputs, layer.outputs, layer.kernel, layer.stride, layer.padding)
        if layer.out_padding is None:
            convolution: Any = nn.Conv2d(*shape)
        else:
            convolution = nn.ConvTranspose2d(*shape, output_padding=layer.out_padding)
        self.conv_block = nn.Sequential(convolution, nn.BatchNorm2d(layer.outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv_block(x)
        return torch.relu_(y.add_(x) if self.residual else y)


def _stages(stages: list[list[Layer]]) -> nn.ModuleList:
    return nn.ModuleList(nn.Sequential(*map(Block, layers)) for layers in stages)


def _needed(window: Window) -> list[Window]:
    """Which part of what each stage of the decoder gives has to be right, in its own pixels, for `window` to be."""
    parts = [_grown(window, 1, SIDE)]  # by the reach of the last convolution
    for side in (48, 24, 12, 6):
        top, bottom, left, right = _grown(parts[0], 2, 2 * side)  # of the stage's two convolutions
        parts.insert(0, (top // 2, min(bottom // 2 + 1, side), left // 2, min(right // 2 + 1, side)))
    return [(0, 1, 0, 1), (0, 3, 0, 3), *parts]


def _grown(window: Window, by: int, side: int) -> Window:
    top, bottom, left, right = window
    return max(top - by, 0), min(bottom + by, side), max(left - by, 0), min(right + by, side)


class Generator(nn.Module):
    """Faces are BGR, 0 to 1, (B, 3, 96, 96); the sound is (B, 1, 80, 16) as `mel.Mel` gives it."""

    def __init__(self) -> None:
        super().__init__()
        self.face_encoder_blocks = _stages(FACE_ENCODER)
        self.audio_encoder = nn.Sequential(*map(Block, AUDIO_ENCODER))
        self.face_decoder_blocks = _stages(FACE_DECODER)
        self.output_block = nn.Sequential(Block(Layer(80, 32, 3, 1, 1)), nn.Conv2d(32, 3, 1), nn.Sigmoid())

    def encode(self, faces: Tensor) -> list[Tensor]:
        """The features of faces from each stage of the encoder, for `decode`.

        Args:
            faces: (B, 3, 96, 96) BGR in [0, 1].

        Returns:
            (B, 16, 96, 96) to (B, 512, 1, 1).
        """
        masked = faces.clone()
        masked[:, :, SIDE // 2 :] = 0
        x = torch.cat([masked, faces], dim=1)  # (B, 6, 96, 96)
        features: list[Tensor] = []
        for block in self.face_encoder_blocks:
            x = block(x)
            features.append(x)
        return features

    def decode(self, features: list[Tensor], mel: Tensor, window: Window = WHOLE) -> Tensor:
        """Faces that speak.

        Only what the window depends on is computed: for a mouth about two thirds of the whole.

        Args:
            features: of the faces, from `encode`.
            mel: (B, 1, 80, 16), the sound around each face's frame.
            window: the part of the faces that is wanted.

        Returns:
            (B, 3, H, W) BGR in [0, 1], as large as the window.
        """
        x, start, parts = self.audio_encoder(mel), (0, 0), _needed(window)  # (B, 512, 1, 1)
        for block, skip, (top, bottom, left, right) in zip(
            self.face_decoder_blocks, reversed(features), parts, strict=True
        ):
            x = block(x)
            x = x[..., top - start[0] : bottom - start[0], left - start[1] : right - start[1]]
            x = torch.cat([x, skip[..., top:bottom, left:right]], dim=1)
            start = 2 * top, 2 * left  # where the next stage begins: it is twice as large, the first ones start at 0
        (top, _, left, _), generated = parts[-1], self.output_block(x)
        return generated[..., window[0] - top : window[1] - top, window[2] - left : window[3] - left]

    def forward(self, faces: Tensor, mel: Tensor) -> Tensor:
        return self.decode(self.encode(faces), mel)

    def fold(self) -> None:
        """Work the batch norms into the convolutions before them; the output stays, the network gets shorter."""
        for block in self._blocks():
            if len(block.conv_block) == 2:
                convolution, norm = cast(Any, block.conv_block)
                transposed = isinstance(convolution, nn.ConvTranspose2d)
                block.conv_block = nn.Sequential(fuse_conv_bn_eval(convolution, norm, transpose=transposed))

    def fold_residuals(self) -> None:
        """Work what is added to a folded convolution's output into its weights: one in the middle, input by input.

        The output stays but for rounding, and a pass over memory falls away. In half precision the one would take
        too many of the weight's digits.
        """
        for block in self._blocks():
            if block.residual:
                weight = cast(Any, block.conv_block)[0].weight
                middle = weight.shape[-1] // 2
                weight.data[:, :, middle, middle] += torch.eye(len(weight), device=weight.device)
                block.residual = False

    def _blocks(self) -> list[Block]:
        return [block for block in self.modules() if isinstance(block, Block)]


def load_generator(path: Path) -> Generator:
    """The network of a checkpoint (safetensors or PyTorch, with or without `module.` before each name), folded.

    Raises:
        FileNotFoundError: there is no such file.
        WeightsError: it is damaged, isn't made of weights alone, or is no Wav2Lip.
    """
    state = {name.removeprefix("module."): value for name, value in load_weights(path).items()}
    with torch.device("meta"):
        model = Generator()
    counters = {name: value for name, value in model.state_dict().items() if name.endswith(_COUNTER)}
    state |= {name: torch.zeros((), dtype=value.dtype) for name, value in counters.items() if name not in state}
    try:
        model.load_state_dict(state, assign=True)
    except RuntimeError as error:
        raise WeightsError(f"{path.name} is no Wav2Lip generator: {_first_difference(model, state)}.") from error
    model.float().eval().requires_grad_(False)
    model.fold()
    return model


def prepare_generator(model: Generator, device: torch.device, types: tuple[torch.dtype, ...] | None = None) -> Prepared:
    """The network on a device in the precision that is fast there, if the picture stays within a level on average.

    Args:
        model: in float32.
        device: where it will run.
        types: half types to try; those that the device is fast in, if None.
    """
    generator = torch.Generator().manual_seed(0)
    example = torch.rand((2, 3, SIDE, SIDE), generator=generator)
    mel = 8 * torch.rand((2, 1, BANDS, COLUMNS), generator=generator) - 4

    def run(network: nn.Module, faces: Tensor) -> Tensor:
        return network(faces, mel.to(faces))

    ready = prepare(model, run, example, device=device, types=types, tolerance=ONE_LEVEL)
    if ready.dtype == torch.float32:
        cast(Generator, ready.model).fold_residuals()
    return ready


def _first_difference(model: Generator, state: dict[str, Tensor]) -> str:
    wanted = model.state_dict()
    for name, value in wanted.items():
        if name not in state:
            return f"{name} is missing"
        if state[name].shape != value.shape:
            return f"{name} has the shape {tuple(state[name].shape)} instead of {tuple(value.shape)}"
    return f"{next(name for name in state if name not in wanted)} does not belong to it"


def weights_id(model: Generator) -> str:
    """A name for these weights, the same for every form of their file."""
    few = [value.detach().numpy() for value in model.state_dict().values() if value.ndim == 1]
    return fingerprint(*few)[:16]
