"""Half precision: taken where it is as good, refused where it isn't."""

import pytest
import torch
from torch import nn

from myspinbot.engines import precision
from myspinbot.engines.precision import HALF_A_LEVEL, prepare


@pytest.fixture(autouse=True)
def the_same_examples() -> None:
    torch.manual_seed(1)


CPU = torch.device("cpu")
BF16 = (torch.bfloat16,)


def network(gain: float = 0.2) -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.ConvTranspose2d(16, 3, 2, stride=2))
    with torch.no_grad():
        for weights in layers.parameters():
            weights.mul_(gain)
    return layers


def run(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return model(x)


def test_it_is_half_where_the_output_stays_and_its_error_is_told():
    model, example = network(), torch.rand(1, 3, 32, 32)
    found = prepare(model, run, example, device=CPU, types=BF16)
    assert found.dtype is torch.bfloat16
    with torch.inference_mode():
        real = float((found.model(example.bfloat16()).float() - model(example)).abs().mean())
    assert found.error == pytest.approx(real, rel=1e-3)
    assert 0 < found.error <= HALF_A_LEVEL
    assert found.model[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_it_is_whole_where_half_would_be_seen():
    example = torch.rand(1, 3, 32, 32)
    found = prepare(network(gain=8), run, example, device=CPU, types=BF16)
    assert (found.dtype, found.error) == (torch.float32, 0.0)
    assert torch.allclose(found.model(example), network(gain=8)(example), rtol=1e-4, atol=1e-3)


def test_it_is_whole_where_half_overflows_or_is_not_to_be_had():
    def overflows(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
        return model(x) * (float("nan") if x.dtype is torch.bfloat16 else 1)

    def refuses(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
        if x.dtype is torch.bfloat16:
            raise RuntimeError("not implemented for 'BFloat16'")
        return model(x)

    for kind in (overflows, refuses):
        assert prepare(network(), kind, torch.rand(1, 3, 8, 8), device=CPU, types=BF16).dtype is torch.float32


def test_want_of_memory_says_nothing_about_a_type():
    def fails(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
        if x.dtype is torch.bfloat16:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return model(x)

    with pytest.raises(torch.OutOfMemoryError):
        prepare(network(), fails, torch.rand(1, 3, 8, 8), device=CPU, types=BF16)


def test_the_model_itself_stays_as_it_is():
    model = network().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    prepare(model, run, torch.rand(1, 3, 8, 8), device=CPU, types=BF16)
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_layers_of_five_dimensions_are_no_obstacle():
    class Modulated(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.rand(1, 3, 3, 1, 1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.conv2d(x, self.weight[0]) / 9

    assert prepare(Modulated(), run, torch.rand(1, 3, 8, 8), device=CPU, types=BF16).dtype is torch.bfloat16


def test_by_itself_it_follows_the_processor(monkeypatch):
    for has, expected in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(precision, "_cpu_multiplies_bfloat16", lambda has=has: has)
        assert prepare(network(), run, torch.rand(1, 3, 8, 8), device=CPU).dtype is expected
