"""Text as it is read aloud: numbers, money, dates, times and symbols in words.

F5-TTS reads letters, and Kokoro's Chinese characters. The words of numbers come from num2words, those of Chinese from
cn2an.
"""

import contextlib
import re
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from typing import Any

_NUMBER = r"\d+(?:[.,'\u00a0\u202f]\d{3})+(?:[.,]\d+)?|\d+(?:[.,]\d+)?"
_SIGN = r"(?<![\w\d.,])[-−]\s?"
_SILENT_CATEGORIES = frozenset(("So", "Sk", "Cf", "Cc", "Cn", "Co", "Cs"))  # emoji and other pictures, marks of layout
_DEGREES = str.maketrans({"℃": "°C", "℉": "°F"})  # as one sign, which would fall away with the pictures
_BOUND = r"[1-9]\d{0,3}(?:\.\d+)?"  # of a range in Chinese
_MOST_DIGITS = 15  # digits; a longer number is an identifier


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# What the libraries of number words leave out: the words of symbols, months, and who writes decimals how.
CURRENCIES = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₽": "RUB", "₩": "KRW"}
DECIMAL_COMMA = _names("az be ca cs da de eo es fi fr hu id is it kz lt lv nl no pl pt ro ru sk sl sr sv tr uk vi")

SCALES = {
    "en": "thousand|million|billion|trillion",
    "de": "Millionen|Milliarden|Billionen",
}

WORDS = {
    "en": {
        "minus": "minus", "%": "percent", "°C": "degrees Celsius", "°F": "degrees Fahrenheit", "°": "degrees",
        "&": "and", "+": "plus", "=": "equals", "@": "at", "#": "number", "×": "times", "÷": "divided by",
        "±": "plus or minus", "§": "section",
    },
    "de": {
        "minus": "minus", "%": "Prozent", "°C": "Grad Celsius", "°F": "Grad Fahrenheit", "°": "Grad", "&": "und",
        "+": "plus", "=": "gleich", "@": "at", "#": "Nummer", "×": "mal", "÷": "durch", "±": "plus minus",
        "§": "Paragraph",
    },
    "fr": {
        "minus": "moins", "%": "pour cent", "°C": "degrés Celsius", "°F": "degrés Fahrenheit", "°": "degrés",
        "&": "et", "+": "plus", "=": "égale", "@": "arobase", "#": "numéro", "×": "fois", "÷": "divisé par",
        "±": "plus ou moins", "§": "paragraphe",
    },
    "es": {
        "minus": "menos", "%": "por ciento", "°C": "grados Celsius", "°F": "grados Fahrenheit", "°": "grados",
        "&": "y", "+": "más", "=": "igual a", "@": "arroba", "#": "número", "×": "por", "÷": "entre",
        "±": "más o menos", "§": "sección",
    },
    "it": {
        "minus": "meno", "%": "per cento", "°C": "gradi Celsius", "°F": "gradi Fahrenheit", "°": "gradi", "&": "e",
        "+": "più", "=": "uguale", "@": "chiocciola", "#": "numero", "×": "per", "÷": "diviso",
        "±": "più o meno", "§": "paragrafo",
    },
    "pt": {
        "minus": "menos", "%": "por cento", "°C": "graus Celsius", "°F": "graus Fahrenheit", "°": "graus", "&": "e",
        "+": "mais", "=": "igual a", "@": "arroba", "#": "número", "×": "vezes", "÷": "dividido por",
        "±": "mais ou menos", "§": "parágrafo",
    },
}  # fmt: skip

MONTHS = {
    "en": _names("January February March April May June July August September October November December"),
    "de": _names("Januar Februar März April Mai Juni Juli August September Oktober November Dezember"),
    "fr": _names("janvier février mars avril mai juin juillet août septembre octobre novembre décembre"),
    "es": _names("enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"),
    "it": _names("gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre"),
    "pt": _names("janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro"),
}
_SYMBOLS = "".join(CURRENCIES)


def languages() -> tuple[str, ...]:
    """Codes of the languages whose numbers can be read out, sorted."""
    from num2words import CONVERTER_CLASSES

    return tuple(sorted({code for code in CONVERTER_CLASSES if "_" not in code} | {"zh"}))


def normalize_text(text: str, language: str) -> str:
    """`text` with numbers, dates and symbols in words.

    Emoji and other pictures fall away. Lines stay lines; a paragraph that ends without a mark, as headings do,
    gets a full stop.

    Args:
        text: As it is written.
        language: Of the words, one of `languages()`; in any other language digits stay.
    """
    text = unicodedata.normalize("NFC", text)
    text = _chinese(text) if language == "zh" else _Reader(language).read(text.translate(_DEGREES))
    readable = (" " if c != "\n" and unicodedata.category(c) in _SILENT_CATEGORIES else c for c in text)
    lines = (" ".join(line.split()) for line in "".join(readable).split("\n"))
    text = re.sub(r" +([,.;:!?])", r"\1", "\n".join(lines)).strip("\n")
    return re.sub(r"(\w)(?=\n\s*\n)", lambda end: end[1] + ("。" if end[1] > "\u2e7f" else "."), text)


def _chinese(text: str) -> str:
    import cn2an

    for symbol, code in CURRENCIES.items():
        name = {"USD": "美元", "EUR": "欧元", "GBP": "英镑", "CNY": "元", "JPY": "元"}.get(code)
        if name:
            text = re.sub(rf"{re.escape(symbol)}\s?(\d[\d,]*(?:\.\d+)?)", rf"\1{name}", text)
    text = re.sub(r"(\d{4})-(\d{1,2})-(\d{1,2})", r"\1年\2月\3日", text)
    text = re.sub(r"(\d{1,2}):00(?!\d)", r"\1点", text)
    text = re.sub(r"(\d{1,2}):([0-5]\d)(?!\d)", r"\1点\2分", text)
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    text = re.sub(r"(?<!\w)-(?=[\d.]+ ?(?:℃|°C|℉|°F))", "零下", text)
    for signs, name in (("℃|°C", "摄氏度"), ("℉|°F", "华氏度")):
        text = re.sub(rf"(?<=\d) ?(?:{signs})", name, text)
    text = re.sub(rf"(?<![\d.-])({_BOUND})-(?={_BOUND}(?![\d-]))", r"\1到", text)
    text = re.sub(r"(?<=\d)-(?=\d)", " ", text)  # of telephones and scores, and no minus
    text = re.sub(rf"(?<![\d.])0\d+(?![\d年月日点分])|\d{{{_MOST_DIGITS + 1},}}", _digit_by_digit, text)
    with contextlib.suppress(ValueError):  # a number beyond its range
        text = cn2an.transform(text, "an2cn")
    return re.sub(r"\d+", _digit_by_digit, text)


def _digit_by_digit(found: re.Match[str]) -> str:
    return "".join("零一二三四五六七八九"[int(digit)] for digit in found[0])


def _in_words(value: Decimal | int | float, language: str, **how: Any) -> str | None:
    """What num2words says; None where it knows no such thing in that language, which shows in many ways."""
    from num2words import num2words

    try:
        return str(num2words(value, lang=language, **how)).replace(",", "")
    except (NotImplementedError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return None


class _Reader:
    """Reads out in one language of num2words."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.words = WORDS.get(language, {})
        self.comma = language in DECIMAL_COMMA

    def read(self, text: str) -> str:
        steps: list[tuple[str, Callable[[re.Match[str]], str]]] = [
            (r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b", self.iso_date),
            (r"\b(\d{1,2})\.(\d{1,2})\.(\d{4})\b", self.dotted_date),
            (r"\b([01]?\d|2[0-3]):([0-5]\d)\b(?!:)(?:\sUhr\b)?", self.time),
            (rf"([{_SYMBOLS}])\s?({_NUMBER})(?:\s({SCALES.get(self.language, '(?!)')}))?\b", self.money_before),
            (rf"({_NUMBER})\s?([{_SYMBOLS}])", self.money_after),
            (rf"({_SIGN})?({_NUMBER})\s?(%|°C|°F|°)", self.measure),
        ]
        if self.language == "en":
            steps += [
                (r"\b(\d+)(?:st|nd|rd|th)\b", self.ordinal),
                (r"(?<![\d.,])(1[1-9]\d\d|20\d\d)(?![\d,.]*\d)", self.year),
            ]
        steps.append((rf"({_SIGN})?({_NUMBER})", self.number))
        for pattern, replacement in steps:
            text = re.sub(pattern, replacement, text)
        for symbol, word in self.words.items():
            if not symbol.isalpha():
                text = text.replace(symbol, f" {word} ")
        return text.replace("/", " ")

    def say(self, value: Decimal, kind: str = "cardinal") -> str:
        """The words of a number; its digits where num2words has none."""
        whole = value == value.to_integral_value()
        return _in_words(int(value) if whole else value, self.language, to=kind) or str(value)

    def value(self, digits: str) -> Decimal:
        """The number that `digits` mean where commas or points set off the decimals."""
        digits = re.sub(r"['\u00a0\u202f]", "", digits)
        point, group = (",", ".") if self.comma else (".", ",")
        digits = re.sub(rf"{re.escape(group)}(?=\d{{3}}(?!\d))", "", digits)
        return Decimal(digits.replace(point, ".").replace(group, "."))

    def number(self, found: re.Match[str]) -> str:
        digits = found[2]
        before, after = found.string[found.start() - 1 : found.start()], found.string[found.end() : found.end() + 1]
        if digits.isdigit() and (len(digits) > _MOST_DIGITS or (len(digits) > 1 and digits[0] == "0")):
            said = " ".join(self.say(Decimal(digit)) for digit in digits)
        else:
            said = self.say(self.value(digits))
        if found[1]:
            said = f"{self.words.get('minus', '-')} {said}"
        return f"{' ' if before.isalpha() else ''}{said}{' ' if after.isalpha() else ''}"

    def measure(self, found: re.Match[str]) -> str:
        said = self.say(self.value(found[2]))
        minus = f"{self.words.get('minus', '-')} " if found[1] else ""
        return f"{minus}{said} {self.words.get(found[3], found[3])}"

    def time(self, found: re.Match[str]) -> str:
        hour, minute = int(found[1]), int(found[2])
        said = [self.say(Decimal(hour))]
        if self.language == "de":
            said.append("Uhr")
        if minute == 0 and self.language == "en" and hour <= 12:
            said.append("o'clock")
        elif minute == 0 and self.language == "en":
            said.append("hundred")
        elif minute < 10 and minute and self.language == "en":
            said.append("oh")
        return " ".join([*said, self.say(Decimal(minute))] if minute else said)

    def money_after(self, found: re.Match[str]) -> str:
        return self.money(found[1], found[2])

    def money_before(self, found: re.Match[str]) -> str:
        return self.money(found[2], found[1], found[3])

    def money(self, digits: str, symbol: str, scale: str | None = None) -> str:
        value, currency = self.value(digits), CURRENCIES[symbol]
        if scale:
            many = self._money(value + 2, currency)
            return f"{self.say(value)} {scale} {many.split()[-1] if many else currency}"
        return self._money(value, currency) or f"{self.say(value)} {currency}"

    def _money(self, value: Decimal, currency: str) -> str | None:
        said = _in_words(float(value), self.language, to="currency", currency=currency, separator="|")
        if said is None:
            return None
        units, _, cents = (part.strip() for part in said.partition("|"))
        if value == value.to_integral_value():
            return units
        return cents if value < 1 else f"{units} {cents}"

    def ordinal(self, found: re.Match[str]) -> str:
        return self.say(Decimal(found[1]), "ordinal")

    def year(self, found: re.Match[str]) -> str:
        return self.say(Decimal(found[1]), "year")

    def iso_date(self, found: re.Match[str]) -> str:
        return self.date(found, found[1], found[2], found[3])

    def dotted_date(self, found: re.Match[str]) -> str:
        return self.date(found, found[3], found[2], found[1])

    def date(self, found: re.Match[str], year: str, month: str, day: str) -> str:
        names = MONTHS.get(self.language)
        if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
            return found[0]
        if names is None:
            return " ".join(self.say(Decimal(part)) for part in (day, month, year))
        name, number = names[int(month) - 1], Decimal(day)
        if self.language == "en":
            return f"{name} {self.say(number, 'ordinal')}, {self.say(Decimal(year), 'year')}"
        if self.language == "de":
            dative = re.search(r"\b(am|dem|vom|zum|bis|ab)\s+$", found.string[: found.start()], re.IGNORECASE)
            return f"{self.say(number, 'ordinal')}{'n' if dative else 'r'} {name} {self.say(Decimal(year), 'year')}"
        joint = " de " if self.language in ("es", "pt") else " "
        return f"{self.say(number)}{joint}{name}{joint}{self.say(Decimal(year))}"
