"""wav2vec 2.0's layers over a sound of any length, as one pass over the whole gives them.

The network (Baevski et al., 2020, arXiv:2006.11477) is convolutions, a projection and a transformer. Engines trained
on video (MultiTalk, InfiniteTalk, FlashHead) bring the convolutions' features to the rate of the video before the
transformer; ComfyUI's nodes run it at the features' own rate and change that of its layers.

Short sound takes the network's own code. Longer sound takes the same sums in blocks, with what is between them on
disk, so that memory stays that of a block: the first convolution's group norm gets the statistics of the whole, and
attention sees every frame, its softmax summed block by block (Milakov and Gimelshein, 2018, arXiv:1805.02867).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .progress import OnStep, Progress

RATE, FEATURES = 16_000, 50  # samples and features a second
ONE_PASS = 3000
"""Features, a minute of them, up to which sound is short."""
_ROWS = 1500  # of the transformer at once
_CONVOLVED = 500  # features that are computed at once: a second of them takes 6.5 MB in the first layer
_LEAST = 1e-7  # added to the variance, as feature extractors do

Rows = Callable[[int, int], Tensor]
"""The rows [first, last) of something long, (last - first, channels)."""


@dataclass(frozen=True, slots=True)
class Network:
    """A wav2vec 2.0 of any size.

    Attributes:
        module: with the parts feature_extractor, feature_projection and encoder, named inside as in checkpoints.
        device: where it computes.
        normalize: whether it was trained on sound of zero mean and unit variance, as its feature extractor says.
    """

    module: Any
    device: Any = "cpu"
    normalize: bool = False

    @property
    def field(self) -> int:
        """Samples that a feature sees."""
        field = 1
        for size, stride in reversed(self._convolutions):
            field = (field - 1) * stride + size
        return field

    @property
    def hop(self) -> int:
        """Samples from one feature to the next."""
        return math.prod(stride for _, stride in self._convolutions)

    @property
    def _convolutions(self) -> list[tuple[int, int]]:
        layers = self.module.feature_extractor.conv_layers
        return [(layer.conv.kernel_size[0], layer.conv.stride[0]) for layer in layers]

    def count(self, samples: int) -> int:
        """How many features so many samples have."""
        return (samples - self.field) // self.hop + 1


@torch.inference_mode()
def encode(
    network: Network, wave: Tensor, frames: int, on_step: OnStep, folder: Path | None = None, *, late: bool = False
) -> Iterator[Iterator[Tensor]]:
    """The transformer's layers, at another rate.

    Args:
        network: the audio encoder.
        wave: (T,) mono at 16 kHz.
        frames: how many features there are to be for all of the sound.
        on_step: called with parts done and parts in all; may raise to cancel.
        folder: where nameless files lie while a long sound is encoded.
        late: change the layers' rate, not that of the convolutions' features.

    Yields:
        Layer after layer, in blocks that follow one another, (rows, channels) each; a layer must be used up before the
        next.
    """
    count = network.count(len(wave))
    if count > ONE_PASS:
        yield from _Long(network, wave, frames, on_step, folder, late=late).layers()
        return
    on_step(0, 1)
    sound = _Sound.of(network, wave).samples(0, len(wave))
    features = network.module.feature_extractor(sound)
    features = features if late else at_rate(features, frames)
    layers = network.module.encoder(network.module.feature_projection(features))[1]
    on_step(1, 1)
    for layer in layers[1:]:
        yield iter([(at_rate(layer, frames) if late else layer)[0].cpu()])


def at_rate(layer: Tensor, frames: int) -> Tensor:
    """(1, count, channels) as (1, frames, channels): linear, from the first to the last."""
    whole = layer.float().transpose(1, 2)
    return functional.interpolate(whole, size=frames, mode="linear", align_corners=True).transpose(1, 2).to(layer)


@dataclass(frozen=True, slots=True)
class _Sound:
    """A sound as the network takes it."""

    wave: Tensor
    device: Any
    mean: float = 0.0
    scale: float = 1.0

    @classmethod
    def of(cls, network: Network, wave: Tensor) -> _Sound:
        if not network.normalize:
            return cls(wave, network.device)
        variance, mean = torch.var_mean(wave, correction=0)
        return cls(wave, network.device, float(mean), 1 / math.sqrt(float(variance) + _LEAST))

    def samples(self, first: int, last: int) -> Tensor:
        """(1, last - first)."""
        there = self.wave[None, first:last].to(self.device)
        return there if (self.mean, self.scale) == (0.0, 1.0) else (there - self.mean) * self.scale


class _Convolved:
    """The convolutions' features of a sound, computed where they are asked for as over the whole."""

    def __init__(self, network: Network, sound: _Sound) -> None:
        self._network, self._sound = network, sound
        self._first, *self._others = network.module.feature_extractor.conv_layers
        self.count = network.count(len(sound.wave))
        norm = getattr(self._first, "layer_norm", None)
        self._norm = norm if isinstance(norm, torch.nn.GroupNorm) else None  # a layer norm looks at one place alone
        self._statistics = self._measured() if self._norm else None

    def rows(self, first: int, last: int) -> Tensor:
        return torch.cat([self._block(begin, end) for begin, end in _blocks(first, last, _CONVOLVED)])

    def _block(self, first: int, last: int) -> Tensor:
        hop, field = self._network.hop, self._network.field
        sound = self._sound.samples(first * hop, (last - 1) * hop + field)[None]  # (1, 1, T)
        if self._norm is None or self._statistics is None:
            made = self._first(sound)
        else:
            mean, variance = self._statistics
            weight, bias = (part.to(mean) for part in (self._norm.weight, self._norm.bias))
            filtered = self._first.conv(sound).float()
            made = functional.gelu(functional.batch_norm(filtered, mean, variance, weight, bias, eps=self._norm.eps))
        for layer in self._others:
            made = layer(made)
        return made[0].T

    def _measured(self) -> tuple[Tensor, Tensor]:
        """Mean and variance of each of the first layer's channels, over the whole sound."""
        (size,), (stride,) = self._first.conv.kernel_size, self._first.conv.stride
        total = (len(self._sound.wave) - size) // stride + 1
        seen, mean, spread = 0, torch.zeros(()), torch.zeros(())
        for first, last in _blocks(0, total, _CONVOLVED * self._network.hop // stride):
            made = self._first.conv(self._sound.samples(first * stride, (last - 1) * stride + size)[None])
            variance, average = torch.var_mean(made[0].float(), dim=1, correction=0)
            variance, average, new = variance.double().cpu(), average.double().cpu(), last - first
            gap, both = average - mean, seen + new
            mean = mean + gap * new / both
            spread = spread + variance * new + gap**2 * seen * new / both
            seen = both
        return mean.float().to(self._sound.device), (spread / seen).float().to(self._sound.device)


class _File:
    """Rows of numbers in a nameless file, where more of them than a block would take too much memory."""

    def __init__(self, folder: Path | None, width: int, device: Any) -> None:
        self._file = TemporaryFile(dir=folder)  # noqa: SIM115  (it is closed with this)
        self._width, self._device = width, device

    def write(self, first: int, rows: Tensor) -> None:
        self._file.seek(first * self._width * 4)
        self._file.write(rows.float().cpu().contiguous().numpy().data)

    def read(self, first: int, last: int) -> Tensor:
        made = np.empty((last - first, self._width), np.float32)
        self._file.seek(first * self._width * 4)
        self._file.readinto(made.data.cast("B"))
        return torch.from_numpy(made).to(self._device)


class _Long:
    """The network over a long sound, a block of rows at a time."""

    def __init__(
        self, network: Network, wave: Tensor, frames: int, on_step: OnStep, folder: Path | None, *, late: bool
    ) -> None:
        self._network, self._wave, self._frames, self._late = network, wave, frames, late
        self._transformer = network.module.encoder
        self._count = network.count(len(wave)) if late else frames
        self._blocks = list(_blocks(0, self._count, _ROWS))
        self._progress = Progress(on_step, len(self._blocks) * (1 + len(self._transformer.layers)))
        width = self._transformer.layer_norm.weight.shape[0]
        self._projected, self._hidden, self._seen = (
            _File(folder, size, network.device) for size in (width, width, 2 * width)
        )

    def layers(self) -> Iterator[Iterator[Tensor]]:
        """As `encode` yields them."""
        self._progress.tick()
        self._project()
        self._place()
        *others, final = self._transformer.layers
        for layer in others:
            self._run(layer)
            yield self._shown(self._hidden.read)
        self._run(final)
        yield self._shown(self._normed if self._transformer.do_stable_layer_norm else self._hidden.read)

    def _shown(self, rows: Rows) -> Iterator[Tensor]:
        rows = _stretched(rows, self._count, self._frames) if self._late else rows
        return (rows(first, last).cpu() for first, last in _blocks(0, self._frames, _ROWS))

    @torch.inference_mode()
    def _normed(self, first: int, last: int) -> Tensor:
        return self._transformer.layer_norm(self._hidden.read(first, last))

    def _project(self) -> None:
        convolved = _Convolved(self._network, _Sound.of(self._network, self._wave))
        rows = convolved.rows if self._late else _stretched(convolved.rows, convolved.count, self._frames)
        for first, last in self._blocks:
            self._projected.write(first, self._network.module.feature_projection(rows(first, last)[None])[0])
            self._progress.add(1)

    def _place(self) -> None:
        """Add what tells the transformer where it is, a convolution over a second or two."""
        embed = self._transformer.pos_conv_embed
        around = embed.conv.kernel_size[0] // 2
        for first, last in self._blocks:
            begin, end = max(first - around, 0), min(last + around, self._count)
            rows = self._projected.read(begin, end)
            rows = (rows + embed(rows[None])[0])[first - begin : last - begin]
            self._hidden.write(
                first, rows if self._transformer.do_stable_layer_norm else self._transformer.layer_norm(rows)
            )

    def _run(self, layer: Any) -> None:
        """One layer, in place: what attention sees of all rows is there before the first of them changes."""
        attention, stable = layer.attention, self._transformer.do_stable_layer_norm
        for first, last in self._blocks:
            rows = self._hidden.read(first, last)
            rows = layer.layer_norm(rows) if stable else rows
            self._seen.write(first, torch.cat([attention.k_proj(rows), attention.v_proj(rows)], dim=1))
        for first, last in self._blocks:
            rows = self._hidden.read(first, last)
            asked = attention.q_proj(layer.layer_norm(rows) if stable else rows)
            rows = rows + attention.out_proj(self._attend(asked, attention.num_heads))
            if stable:
                rows = rows + layer.feed_forward(layer.final_layer_norm(rows))
            else:
                rows = layer.layer_norm(rows)
                rows = layer.final_layer_norm(rows + layer.feed_forward(rows))
            self._hidden.write(first, rows)
            self._progress.add(1)

    def _attend(self, asked: Tensor, heads: int) -> Tensor:
        """What rows get of all of them: (rows, channels) for queries of that shape."""

        def split(rows: Tensor) -> Tensor:
            return rows.unflatten(1, (heads, -1)).transpose(0, 1)  # (heads, rows, channels / heads)

        queries = split(asked) / math.sqrt(asked.shape[1] // heads)
        highest = queries.new_full((*queries.shape[:2], 1), -math.inf)
        total, gathered = torch.zeros_like(highest), torch.zeros_like(queries)
        for first, last in self._blocks:
            keys, values = (split(part) for part in self._seen.read(first, last).chunk(2, dim=1))
            scores = queries @ keys.transpose(1, 2)
            top = torch.maximum(highest, scores.amax(2, keepdim=True))
            fade, scores = (highest - top).exp_(), scores.sub_(top).exp_()
            total = total * fade + scores.sum(2, keepdim=True)
            gathered = gathered * fade + scores @ values
            highest = top
        return (gathered / total).transpose(0, 1).flatten(1)


def _stretched(rows: Rows, count: int, frames: int) -> Rows:
    """As `at_rate`, with places rounded as PyTorch does, of `count` rows that are asked for where they are needed."""
    step = torch.tensor((count - 1) / (frames - 1) if frames > 1 else 0.0)

    def stretched(first: int, last: int) -> Tensor:
        places = torch.arange(first, last) * step
        before = places.long().clamp(max=count - 1)
        begin, end = int(before[0]), min(int(before[-1]) + 2, count)
        there = rows(begin, end)
        before, weight = (before - begin).to(there.device), (places - before).to(there)[:, None]
        return torch.lerp(there[before], there[(before + 1).clamp(max=end - begin - 1)], weight)

    return stretched


def _blocks(first: int, last: int, size: int) -> Iterator[tuple[int, int]]:
    """From `first` to `last` in blocks of about one size, `size` at most."""
    count = math.ceil((last - first) / size)
    return pairwise(first + round((last - first) * i / count) for i in range(count + 1))
