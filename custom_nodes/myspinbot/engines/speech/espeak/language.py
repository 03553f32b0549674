"""In which language a text is read, where a script's language is known and where it isn't."""

import re

from ...languages import SCRIPTS, base_of, code_of, has_own_letters, language_of, name_of
from .catalogue import EspeakError, language_names, languages

AUTO = "auto"
_DEFAULT = "en-us"
_USUAL = {"en": _DEFAULT, "fr": "fr-fr", "no": "nb", "zh": "cmn"}  # where the voice has another code


def language_called(name: str) -> str | None:
    """The code of the voice for a language as people call it (`German`, `deutsch`, `pt-BR`), None without one."""
    code, known = code_of(name), languages()
    if code is None:
        called = name.strip().casefold()
        named = (one for one, full in language_names().items() if called == full.split(" (")[0].casefold())
        return min(named, key=len, default=None)
    base = base_of(code)
    likely = (code, _USUAL.get(base, base), *(one for one in known if base_of(one) == base))
    return next((one for one in likely if one in known), None)


def voice_language(chosen: str, script_language: str, text: str) -> tuple[str, str]:
    """In which language a text is read.

    Args:
        chosen: A code of espeak-ng, or "auto": the language of the script, or else what the letters show.
        script_language: The language of the script as people call it; empty where it isn't known.
        text: What is read.

    Returns:
        espeak-ng's code, and a sentence for the user where script and voice don't fit, else empty.
    """
    called = script_language.strip()
    written = language_called(called) if called else None
    if chosen != AUTO:
        if written is None or base_of(written) == base_of(chosen):
            return chosen, _unreadable(chosen, text)
        name = language_names().get(chosen, chosen)
        return chosen, f"The script is in {called}, and {name} reads it. Set the voice's language to auto or {written}."
    if written is not None:
        return written, _unreadable(written, text)
    guessed = language_called(language_of(text)) or _DEFAULT
    if not called:
        return guessed, _unreadable(guessed, text)
    name = language_names()[guessed]
    return guessed, f"There is no voice called {called!r}, so {name} reads it. Choose one from the list."


def voice_name(chosen: str, script_language: str, text: str) -> str:
    """The English name of the language that `voice_language` takes, or its code where espeak-ng is missing."""
    try:
        code = voice_language(chosen, script_language, text)[0]
        return language_names().get(code, code)
    except EspeakError:
        return chosen


def _unreadable(voice: str, text: str) -> str:
    """What to say where a voice spells letters out, as it doesn't know how they are read."""
    if voice == "ja" and re.search(SCRIPTS["zh"], text):
        return "The Japanese voice reads kana, and spells Chinese characters out. Write the words in kana for it."
    guessed = language_of(text)
    if guessed == "en" or has_own_letters(base_of(voice)):
        return ""
    name = language_names().get(voice, voice)
    return f"{name} has no such letters as those of {name_of(guessed)} in the text, and spells them out."
