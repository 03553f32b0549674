"""What the libraries of number words leave out: the words of symbols, months, and who writes decimals how."""

CURRENCIES = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₽": "RUB", "₩": "KRW"}


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


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
