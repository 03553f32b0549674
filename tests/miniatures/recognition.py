"""Miniatures of speech recognition models, in the real layout of folders: a Whisper and a Wav2Vec2.

The Whisper says one text whatever it hears: each of its places adds a direction of its own, which is that of the
letter to be said there. So what comes out of it is known. The Wav2Vec2 is random.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch

MARKS = [
    "<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|de|>", "<|translate|>", "<|transcribe|>",
    "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>",
]  # fmt: skip
PROMPT = ["<|startoftranscript|>", "<|en|>", "<|transcribe|>", "<|notimestamps|>"]
WIDTH = 128
LETTERS = {
    letter: number
    for number, letter in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", *"ETAONIHSRDLUMWCFGYPBVK'XJQZ"])
}


def write_whisper(folder: Path, text: str) -> Path:
    """A Whisper that says `text`, at most about a hundred letters."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import (
        GenerationConfig,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperTokenizerFast,
    )

    letters = Tokenizer(
        models.BPE(vocab={c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, merges=[])
    )
    letters.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    letters.decoder = decoders.ByteLevel()
    end = MARKS[0]
    tokenizer = WhisperTokenizerFast(
        tokenizer_object=letters, eos_token=end, bos_token=end, unk_token=end, pad_token=end,
        additional_special_tokens=MARKS[1:],
    )  # fmt: skip
    number = {mark: tokenizer.convert_tokens_to_ids(mark) for mark in MARKS}
    ends = {"pad_token_id": number[end], "bos_token_id": number[end], "eos_token_id": number[end]}
    start = {"decoder_start_token_id": number[PROMPT[0]], "suppress_tokens": [], "begin_suppress_tokens": []}
    torch.manual_seed(1)
    model = WhisperForConditionalGeneration(
        WhisperConfig(
            vocab_size=len(tokenizer), d_model=WIDTH, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
            decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, **ends, **start,
        )
    )  # fmt: skip
    decoder = model.model.decoder
    said = [number[mark] for mark in PROMPT[1:]]
    said += [*tokenizer.encode(f" {text}", add_special_tokens=False), number[end]]
    with torch.no_grad():
        for parameter in decoder.layers.parameters():
            parameter.zero_()
        decoder.embed_tokens.weight.zero_()
        decoder.embed_positions.weight.zero_()
        for place, token in enumerate(said):
            decoder.embed_tokens.weight[token, place] = 1
            decoder.embed_positions.weight[place, place] = 100
    model.save_pretrained(folder)
    GenerationConfig(
        is_multilingual=True, lang_to_id={mark: number[mark] for mark in ("<|en|>", "<|de|>")},
        task_to_id={"transcribe": number["<|transcribe|>"], "translate": number["<|translate|>"]},
        no_timestamps_token_id=number["<|notimestamps|>"], max_length=448, return_timestamps=False, **ends, **start,
    ).save_pretrained(folder)  # fmt: skip
    tokenizer.save_pretrained(folder)
    WhisperFeatureExtractor(feature_size=80).save_pretrained(folder)
    return folder


def write_wav2vec2(folder: Path) -> Path:
    """A random Wav2Vec2 with a CTC head over capital letters."""
    from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC

    torch.manual_seed(2)
    Wav2Vec2ForCTC(
        Wav2Vec2Config(
            vocab_size=len(LETTERS), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
            conv_dim=(16,) * 7, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2, pad_token_id=0,
        )
    ).save_pretrained(folder)  # fmt: skip
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps(LETTERS), encoding="utf-8")
    return folder
