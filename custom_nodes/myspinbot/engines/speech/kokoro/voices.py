"""Kokoro's 54 voices: their names say language and sex, as `af_heart` is an American woman's."""

from __future__ import annotations

import re

from ...languages import base_of, language_of, name_of
from ..espeak import voice_language, voice_name
from ..espeak.language import AUTO

SPOKEN = {
    "a": "en-us",
    "b": "en-gb-x-rp",
    "e": "es",
    "f": "fr-fr",
    "h": "hi",
    "i": "it",
    "j": "ja",
    "p": "pt-br",
    "z": "cmn",
}
"""The first letter of a voice's name -> espeak-ng's code of the language that it speaks."""
_NAMES = {
    "af": "heart bella nicole aoede kore sarah alloy nova sky jessica river",
    "am": "michael fenrir puck echo eric liam onyx santa adam",
    "bf": "emma isabella alice lily",
    "bm": "george fable lewis daniel",
    "ef": "dora",
    "em": "alex santa",
    "ff": "siwis",
    "hf": "alpha beta",
    "hm": "omega psi",
    "if": "sara",
    "im": "nicola",
    "jf": "alpha gongitsune nezumi tebukuro",
    "jm": "kumo",
    "pf": "dora",
    "pm": "alex santa",
    "zf": "xiaoxiao xiaobei xiaoni xiaoyi",
    "zm": "yunjian yunxi yunxia yunyang",
}  # the best of each, by their maker's grades, first
VOICES = tuple(f"{kind}_{name}" for kind, names in _NAMES.items() for name in names.split())
_VOICE = re.compile(f"[{''.join(SPOKEN)}][fm]_.+")


class UnspokenError(ValueError):
    """Kokoro doesn't speak the language of a text; the message says which it speaks."""


def language_of_voice(voice: str) -> str:
    """espeak-ng's code of the language that a voice speaks; a voice with a name of another kind speaks English."""
    return SPOKEN[voice[0]] if _VOICE.fullmatch(voice) else SPOKEN["a"]


def voice_for(language: str, like: str = "") -> str | None:
    """The voice to read a language in; None where Kokoro doesn't speak it.

    Args:
        language: espeak-ng's code.
        like: A voice, which is taken where it speaks the language; else one of its sex is, where there is one.
    """
    spoken = _nearest(language)
    if like and spoken and base_of(language_of_voice(like)) == base_of(spoken):
        return like
    able = [voice for voice in VOICES if language_of_voice(voice) == spoken]
    same = [voice for voice in able if _VOICE.fullmatch(like) and voice[1] == like[1]]
    return next(iter([*same, *able]), None)


def choose(voice: str, language: str, script_language: str, text: str, *, follow: bool = False) -> tuple[str, str, str]:
    """Which voice reads a text, and in which language.

    Args:
        voice: Its name, or "auto".
        language: espeak-ng's code, or "auto": that of the script, or else what the letters show; Latin letters alone
            are taken for the language of the voice.
        script_language: The language of the script as people call it; empty where it isn't known.
        text: What is read.
        follow: Take another voice where this one isn't at home in the language.

    Returns:
        The voice's name, espeak-ng's code of the language, and a sentence for the user where they don't fit, else
        empty.

    Raises:
        UnspokenError: Kokoro doesn't speak the language.
        EspeakError: espeak-ng is missing.
    """
    given = "" if voice == AUTO else voice
    if given and language == AUTO and not script_language.strip() and language_of(text) == "en":
        language = language_of_voice(given)
    code, remark = voice_language(language, script_language, text)
    suited, spoken = voice_for(code, given), _nearest(code)
    if suited is None or spoken is None:
        known = ", ".join(dict.fromkeys(_name(one) for one in SPOKEN.values()))
        raise UnspokenError(f"Kokoro speaks {known}, and not {voice_name(language, script_language, text)}.")
    taken = suited if follow or not given else given
    own = language_of_voice(taken)
    if base_of(own) == base_of(spoken):
        return taken, own, remark
    accent = f"The voice {taken} is at home in {_name(own)} and reads {_name(spoken)} with an accent; take {suited}."
    return taken, spoken, remark or accent


def _nearest(language: str) -> str | None:
    """The code among those spoken that a language is nearest to."""
    within = (code for code in SPOKEN.values() if code == language or code.startswith(f"{language}-"))
    beside = (code for code in SPOKEN.values() if base_of(code) == base_of(language))
    return next(within, None) or next(beside, None)


def _name(language: str) -> str:
    return name_of("zh" if language == "cmn" else base_of(language))
