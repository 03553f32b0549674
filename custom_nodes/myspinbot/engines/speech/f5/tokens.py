"""The symbols that F5-TTS reads: letters as they are, Chinese as pinyin with tones."""

from types import ModuleType

_ALIKE = str.maketrans({";": ",", "“": '"', "”": '"', "‘": "'", "’": "'"})
_NO_SPACE_AFTER = frozenset(" :'\"")
_FIRST_WITH_A_SOUND = "\u3007"  # the ideograph zero


def tokenize(text: str) -> list[str]:
    """The symbols of `text`, as the published models were trained to read it.

    Words come apart by rjieba; Chinese ones get their tones together, so that these change as they do in speech.

    Raises:
        ImportError: rjieba or pypinyin isn't installed; the message names them.
    """
    rjieba = _rjieba()
    found: list[str] = []
    for word in rjieba.cut(text.translate(_ALIKE)):
        if word.isascii():
            # A word that touches what is before it is set apart, as it was when the models were trained.
            if found and len(word) > 1 and found[-1] not in _NO_SPACE_AFTER:
                found.append(" ")
            found += word
        else:
            together = all(len(letter.encode()) == 3 for letter in word)
            sounds = _pinyin(word) if together else [sound for letter in word for sound in _pinyin(letter)]
            for letter, sound in zip(word, sounds, strict=True):
                found += [" ", sound] if _is_set_apart(letter, sound) else [sound]
    return found


def _is_set_apart(letter: str, sound: str) -> bool:
    """Whether a space goes before `sound`: before every ideograph but the zero, as when the models were trained."""
    return "\u3100" <= letter <= "\u9fff" or (letter > "\uffff" and sound != letter)


def _pinyin(word: str) -> list[str]:
    """One syllable per letter, as `ni3`; a letter that has no sound in Chinese stays itself."""
    if max(word) < _FIRST_WITH_A_SOUND:
        return list(word)
    try:
        from pypinyin import Style, lazy_pinyin
    except ImportError as error:
        raise ImportError("Chinese needs the package pypinyin. Install it into ComfyUI's Python.") from error
    # Without `errors`, neighbours that have no sound would come back in one. The library takes lists and says text.
    return lazy_pinyin(word, style=Style.TONE3, tone_sandhi=True, errors=list)  # pyright: ignore[reportArgumentType]


def _rjieba() -> ModuleType:
    try:
        import rjieba
    except ImportError as error:
        raise ImportError("F5-TTS needs the package rjieba. Install it into ComfyUI's Python.") from error
    return rjieba
