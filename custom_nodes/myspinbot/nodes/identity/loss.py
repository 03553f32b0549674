"""The loss of a model on given pictures, with the same noise at the same times whenever it is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import comfy.samplers
import comfy_extras.nodes_custom_sampler as guiders
import torch

if TYPE_CHECKING:
    from torch import Tensor

TIMES = (0.15, 0.4, 0.65, 0.9)
"""Shares of the way from noise to picture at which the loss is measured."""


class _Loss(comfy.samplers.Sampler):
    """Instead of sampling: how far what the model sees in noise is from the picture, at each time."""

    def __init__(self) -> None:
        self.values: list[float] = []

    def sample(  # pyright: ignore[reportImplicitOverride, reportIncompatibleMethodOverride]
        self,
        model_wrap: Any,
        sigmas: Tensor,
        extra_args: dict[str, Any],
        callback: Any,
        noise: Tensor,
        latent_image: Any = None,
        denoise_mask: Any = None,
        disable_pbar: bool = False,
    ) -> Tensor:
        sampling = model_wrap.inner_model.model_sampling
        for time in TIMES:
            sigma = torch.tensor([sampling.percent_to_sigma(time)], device=noise.device)
            noisy = sampling.noise_scaling(sigma, noise, latent_image, False)
            still = sampling.noise_scaling(torch.zeros_like(sigma), torch.zeros_like(noise), latent_image, False)
            guessed = model_wrap(noisy, sigma, **extra_args)
            error = torch.nn.functional.mse_loss(guessed.float(), still.float()).item()
            self.values.append(error / float(sigma) ** 2)
        return latent_image


def loss_on(model: Any, latents: list[Tensor], conditioning: list[Any], seed: int) -> float:
    """The mean loss of MODEL on latents (1, C, H, W), each with its CONDITIONING.

    TrainLoraNode trains on the mean squared error of the picture that the model sees in noise, which the noisiest
    times rule. Here it is divided by the noise's variance, so that each time counts alike: the error in the noise, or
    in the velocity of a flow model.
    """
    meter = _Loss()
    for index, (latent, positive) in enumerate(zip(latents, conditioning, strict=True)):
        guider = guiders.Guider_Basic(model)
        guider.set_conds(positive)
        noise = torch.randn(latent.shape, generator=torch.Generator().manual_seed(seed + index))
        guider.sample(noise, latent, meter, torch.ones(2), seed=seed)
    return sum(meter.values) / len(meter.values)
