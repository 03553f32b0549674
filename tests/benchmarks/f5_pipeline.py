"""From text to sound with F5-TTS at full size and random weights: our pipeline against that of the package f5-tts.

    python -m tests.benchmarks.f5_pipeline [--pieces 3] [--steps 32] [--fast 7]    # a quarter of an hour on a processor

Both speak the same pieces of text after the same reference of about 3 s: theirs by `infer_batch_process` in float32,
which it takes on a processor; ours in what `auto` takes, half precision where the hardware computes in it, at the same
steps and at few. In float32 both compute the same: `f5_speech` measures that.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import torch

from tests.miniatures import f5 as miniature
from tests.speech.reference import load_pipeline, load_reference

from .f5_speech import show, timed

SAID = "The dog sleeps by the door, and the cat is out."
TEXT = "We walk home in the rain tonight."
FULL = {"dim": 1024, "depth": 22, "heads": 16, "ff_mult": 2, "text_dim": 512, "conv_layers": 4}


def main() -> None:
    from myspinbot.engines.precision import fast_types
    from myspinbot.engines.speech import espeak
    from myspinbot.engines.speech.f5.checkpoint import load_vocabulary
    from myspinbot.engines.speech.f5.dit import Arch, DiT
    from myspinbot.engines.speech.f5.mel import resample
    from myspinbot.engines.speech.f5.reference import prepare_reference
    from myspinbot.engines.speech.f5.sentences import Piece
    from myspinbot.engines.speech.f5.speak import Settings, seconds, speak
    from myspinbot.engines.speech.f5.vocos import load_vocoder

    parser = argparse.ArgumentParser()
    parser.add_argument("--pieces", type=int, default=3)
    parser.add_argument("--steps", type=int, default=32)
    parser.add_argument("--fast", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"

    reference = load_reference()
    infer = load_pipeline()
    vocab = Path(str(files("f5_tts") / "infer/examples/vocab.txt"))
    torch.manual_seed(0)
    model = DiT(Arch()).eval().requires_grad_(False)
    numbers, size = reference.get_tokenizer(str(vocab), "custom")
    theirs = reference.CFM(
        transformer=reference.DiT(**FULL, text_num_embeds=size, mel_dim=100), vocab_char_map=numbers
    ).eval()
    state = {f"transformer.{name}": value for name, value in model.state_dict().items()}
    theirs.load_state_dict(state, strict=False)
    miniature.VOCOS.update(dim=512, inner=1536, layers=8)
    with tempfile.TemporaryDirectory() as folder:
        weights = miniature.write_vocoder(Path(folder))
        vocoder = load_vocoder(weights).to(device)
        their_vocoder = reference.Vocos.from_hparams(weights.with_name("config.yaml")).eval().to(device)
        their_vocoder.load_state_dict(torch.load(weights, weights_only=True), strict=False)
    speech = espeak.speak(SAID)
    sound = resample(torch.from_numpy(speech.samples), speech.sample_rate)
    voice = prepare_reference(sound.numpy(), 24000, SAID)
    length = seconds(Piece(TEXT, "sentence"), voice, 1.0)
    known = load_vocabulary(vocab)
    # One text a piece, as the pieces of a long one are cut for a reference of 12 s and would be fewer here.
    texts = [TEXT] * options.pieces
    show(f"{options.pieces} pieces of {length:.1f} s after {voice.seconds:.1f} s, load {os.getloadavg()[0]:.1f}")

    def ours(steps: int) -> Callable[[], None]:
        def run() -> None:
            for number, text in enumerate(texts):
                speak(model, vocoder, known, text, voice, Settings(steps=steps, seed=number))

        return run

    def package() -> None:
        for _ in infer(
            (sound[None], 24000), f"{SAID} ", texts, theirs, their_vocoder, nfe_step=options.steps, device=device
        ):
            pass

    def row(name: str, work: Callable[[], object]) -> None:
        clock, cores = timed(work)
        show(f"| {name} | {clock:.0f} s ({cores:.0f} s) |")

    fast = fast_types(torch.device(device))
    chosen = fast[0] if fast else torch.float32
    model.to(device)
    theirs.to(device, torch.float32)
    row(f"f5-tts, {options.steps} steps, float32", package)
    model.to(chosen)
    row(f"ours, {options.steps} steps, {str(chosen)[6:]}", ours(options.steps))
    row(f"ours, {options.fast} steps, {str(chosen)[6:]}", ours(options.fast))
    show(f"load at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
