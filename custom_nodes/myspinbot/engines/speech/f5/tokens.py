"""The symbols that F5-TTS reads: letters as they are, Chinese as pinyin with tones."""

from types import ModuleType

_ALIKE = str.maketrans({";": ",", "“": '"', "”": '"', "‘": "'", "’": "'"})
_NO_SPACE_AFTER = frozenset(" :'\"")


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
        elif all(len(letter.encode()) == 3 for letter in word):
            for letter, sound in zip(word, _pinyin(word), strict=True):
                found += [" ", sound] if _is_chinese(letter) else [sound]
        else:
            for letter in word:
                found += [" ", *_pinyin(letter)] if _is_chinese(letter) else [letter]
    return found


def _is_chinese(letter: str) -> bool:
    return "\u3100" <= letter <= "\u9fff"


def _pinyin(word: str) -> list[str]:
    """One syllable per letter, as `ni3`; a letter that isn't Chinese stays itself."""
    if not any(_is_chinese(letter) for letter in word):
        return list(word)
    try:
        from pypinyin import Style, lazy_pinyin
    except ImportError as error:
        raise ImportError("Chinese needs the package pypinyin. Install it into ComfyUI's Python.") from error
    sounds = lazy_pinyin(word, style=Style.TONE3, tone_sandhi=True)
    # Neighbours that have no sound of their own come back in one.
    return sounds if len(sounds) == len(word) else [sound for letter in word for sound in _pinyin(letter)]


def _rjieba() -> ModuleType:
    try:
        import rjieba
    except ImportError as error:
        raise ImportError("F5-TTS needs the package rjieba. Install it into ComfyUI's Python.") from error
    return rjieba
