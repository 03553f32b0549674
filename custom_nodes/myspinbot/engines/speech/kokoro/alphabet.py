"""Kokoro's alphabet: IPA with letters of its own for diphthongs and affricates, as its text was written in training.

The numbers are those of the model's `config.json`, the spelling is that of its front end misaki, both by hexgrad.
"""

from __future__ import annotations

import unicodedata

_SYMBOLS = {
    1: ";:,.!?", 9: '—…"()“” \u0303ʣʥʦʨᵝꭧA', 25: "I", 31: "O", 33: "Q", 35: "ST", 39: "W", 41: "Yᵊabcdef",
    50: "hijklmnopqrstuvwxyzɑɐɒæ", 75: "βɔɕç", 80: "ɖðʤə", 85: "ɚɛɜ", 90: "ɟ", 92: "ɡ", 99: "ɥ", 101: "ɨɪʝ",
    110: "ɯɰŋɳɲɴø", 118: "ɸθœ", 123: "ɹ", 125: "ɾɻ", 128: "ʁɽʂʃʈʧ", 135: "ʊʋ", 138: "ʌɣɤ", 142: "χʎ", 147: "ʒʔ",
    156: "ˈˌː", 162: "ʰ", 164: "ʲ", 169: "↓", 171: "→↗↘", 177: "ᵻ",
}  # fmt: skip
NUMBERS = {symbol: first + i for first, symbols in _SYMBOLS.items() for i, symbol in enumerate(symbols)}
"""Symbol -> its number in the model's input, whose 0 marks both ends."""
PUNCTUATION = {symbol: symbol for symbol in ';:,.!?—…"()“”'} | {
    "，": ",", "、": ",", "。": ".", "．": ".", "！": "!", "？": "?", "；": ";", "：": ":", "（": "(", "）": ")",
    "«": "“", "»": "”", "„": "“", "「": "“", "」": "”", "『": "“", "』": "”", "–": "—", "।": ".", "؟": "?", "،": ",",
}  # fmt: skip
"""What stands in a text -> Kokoro's sign for it."""
_SIGNS = {*PUNCTUATION, " "}
_EVERYWHERE = {"dʒ": "ʤ", "tʃ": "ʧ", "ts": "ʦ", "dz": "ʣ", "tɕ": "ʨ", "dʑ": "ʥ", "aɪ": "I", "aʊ": "W", "eɪ": "A",
               "oʊ": "O", "ɔɪ": "Y", "əʊ": "Q"}  # fmt: skip
_ENGLISH = {"əl": "ᵊl", "n̩": "ᵊn", "l̩": "ᵊl", "m̩": "ᵊm", "ɚ": "əɹ", "ɐ": "ə", "r": "ɹ", "x": "k", "ç": "k", "ɬ": "l",
            "e": "A", "o": "ɔ", "ʔ": "t", "\u0303": ""}  # fmt: skip
_BRITISH = {"eə": "ɛː", "iə": "ɪə"}
_AMERICAN = {"ɜː": "ɜɹ", "ɪə": "iə", "ɾ": "T", "ː": ""}


def spelled(symbols: tuple[str, ...], language: str) -> list[str]:
    """espeak-ng's symbols of a word in Kokoro's letters, one text for each symbol; what Kokoro lacks is left out."""
    changes = dict(_EVERYWHERE)
    if language.startswith("en"):
        changes |= (_BRITISH if language.startswith("en-gb") else _AMERICAN) | _ENGLISH
    found: list[str] = []
    for symbol, after in zip(symbols, (*symbols[1:], ""), strict=True):
        if symbol.startswith("("):  # a change of language, such as `(en)`
            found.append("")
            continue
        text = "".join(mark if mark in NUMBERS else unicodedata.normalize("NFD", mark) for mark in symbol)
        for old, new in changes.items():
            text = text.replace(old, new)
        if text.endswith("ɜɹ") and after.startswith("ɹ"):
            text = text[:-1]
        found.append("".join(letter for letter in text if letter in NUMBERS and letter not in _SIGNS))
    return found
