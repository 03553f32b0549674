"""Languages: as people call them, and as letters show them."""

import re
from collections import Counter

IDEOGRAPHS = "\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Chinese characters, the rare ones too, as they stand between the brackets of a regular expression."""
KANA = "\u3040-\u30ff"

SCRIPTS = {
    "ja": f"[{KANA}]",
    "ko": "[\uac00-\ud7af]",
    "zh": f"[{IDEOGRAPHS}]",
    "uk": "[іїєґІЇЄҐ]",
    "ru": "[\u0400-\u04ff]",
    "ar": "[\u0600-\u06ff]",
    "he": "[\u0590-\u05ff]",
    "th": "[\u0e00-\u0e7f]",
}

_NAMES = {
    "ar": "arabic العربية", "bg": "bulgarian български", "bn": "bengali বাংলা", "ca": "catalan català",
    "cs": "czech čeština česky", "cy": "welsh cymraeg", "da": "danish dansk", "de": "german deutsch",
    "el": "greek ελληνικά", "en": "english", "en-gb": "british", "en-us": "american",
    "es": "spanish español castellano", "et": "estonian eesti",
    "eu": "basque euskara", "fa": "persian farsi فارسی", "fi": "finnish suomi",
    "fr": "french français", "ga": "irish gaeilge", "he": "hebrew עברית", "hi": "hindi हिन्दी हिंदी",
    "hr": "croatian hrvatski", "hu": "hungarian magyar", "id": "indonesian indonesia", "is": "icelandic íslenska",
    "it": "italian italiano", "ja": "japanese 日本語", "ko": "korean 한국어", "lt": "lithuanian lietuvių",
    "lv": "latvian latviešu", "ms": "malay melayu", "nl": "dutch nederlands", "no": "norwegian norsk",
    "pl": "polish polski", "pt": "portuguese português", "pt-br": "brazilian brasileiro", "ro": "romanian română",
    "ru": "russian русский", "sk": "slovak slovenčina", "sl": "slovenian slovenščina", "sr": "serbian српски srpski",
    "sv": "swedish svenska", "sw": "swahili kiswahili", "ta": "tamil தமிழ்", "te": "telugu తెలుగు", "th": "thai ไทย",
    "tr": "turkish türkçe", "uk": "ukrainian українська", "ur": "urdu اردو", "vi": "vietnamese việt",
    "yue": "cantonese 粵語 粤语 廣東話 广东话", "zh": "chinese mandarin 中文 汉语 漢語 普通话 國語",
}  # fmt: skip
_COMMON = {
    code: frozenset(words.split())
    for code, words in {
        "en": "the of and is are was it this that you your we they to for with have not what how",
        "de": "der die das und ist sind nicht ein eine einen es wir ihr sie zu mit von für auf wie was auch",
        "es": "el la los las que es son en un una por con y para como lo se su",
        "fr": "le la les des est sont et un une que qui dans pour ce il elle nous vous pas du",
        "it": "il la che di è sono un una per non con gli si lo del della questo",
        "nl": "de het een en van is zijn dat niet op voor met wij je ook wat hoe",
        "pt": "o os que de um uma não para com é são em da como você",
    }.items()
}
_CODES = {name: code for code, names in _NAMES.items() for name in names.split()}
_CODE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*")


def language_of(text: str) -> str:
    """A language's code, guessed from the letters of a text alone: Latin ones count as English.

    Kana outweighs Chinese characters, which Japanese has too.
    """
    for language, pattern in SCRIPTS.items():
        if re.search(pattern, text):
            return language
    return "en"


def could_be(text: str, code: str) -> bool:
    """Whether a text may be in the language: by its letters, and among Latin ones by its commonest words.

    True where neither tells, as of a language that isn't known here.
    """
    if code not in _NAMES:
        return True
    if has_own_letters(code):
        seen = _language_of_most(text)  # Ukrainian's letters may be missing in a short text
        return seen == (code if code in SCRIPTS else language_of(_NAMES[code])) or (code, seen) == ("uk", "ru")
    if _language_of_most(text) != "en":
        return False
    words = re.findall(r"\w+", text.casefold())
    counts = {known: sum(word in common for word in words) for known, common in _COMMON.items()}
    own = counts.pop(code, len(words) // 8)
    return own >= max(counts.values())


def _language_of_most(text: str) -> str:
    """As `language_of`, of a text in which some words of another language may stand.

    Other letters win over Latin ones where they are a third of all or more. Japanese and Ukrainian have some letters
    that Chinese and Russian lack: one in twenty tells.
    """
    counts = Counter(language_of(letter) for letter in text if letter.isalpha())
    letters = counts.total()
    for marked, plain in (("ja", "zh"), ("uk", "ru")):
        both = counts.pop(marked, 0), counts.pop(plain, 0)
        counts[marked if 20 * both[0] >= sum(both) else plain] = sum(both)
    counts.pop("en", None)
    most, count = counts.most_common(1)[0]
    return most if count and 3 * count >= letters else "en"


def has_own_letters(code: str) -> bool:
    """Whether a language has letters that `language_of` knows by; so it is taken of one that isn't known here."""
    return code not in _NAMES or language_of(_NAMES[code]) != "en"


def code_of(name: str) -> str | None:
    """The code of a language as people call it: `German`, `deutsch`, `Brazilian Portuguese`, `pt_BR` or `de`."""
    called = name.strip().casefold().replace("_", "-")
    words = re.split(r"[\s(),/-]+", called)
    codes = [_CODES[word] for word in words if word in _CODES]
    if codes:
        return max(codes, key=len)  # `British English` is the more exact of its two
    return called if _CODE.fullmatch(called) else None


def base_of(code: str) -> str:
    """The code without country and dialect: `pt` of `pt-br`."""
    return code.split("-")[0]


def name_of(code: str) -> str:
    """The English name of a language, or its code where that has none here."""
    names = _NAMES.get(code) or _NAMES.get(base_of(code))
    return names.split()[0].capitalize() if names else code
