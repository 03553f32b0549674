"""Text on its way to the model: read out, cut, and turned into symbols."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myspinbot.engines.languages import language_of
from myspinbot.engines.speech.f5.sentences import PAUSES, size, split
from myspinbot.engines.speech.f5.tokens import tokenize
from myspinbot.engines.speech.normalize_text import languages, normalize_text

from .reference import vocabulary

READ_OUT = [
    ("en", "It cost $5.", "It cost five dollars."),
    ("en", "$1,234.56", "one thousand two hundred and thirty-four dollars fifty-six cents"),
    ("en", "$0.99 or 3€", "ninety-nine cents or three euro"),
    ("en", "$5 million", "five million dollars"),
    ("en", "50% off & 3 °C", "fifty percent off and three degrees Celsius"),
    ("en", "In 1999.", "In nineteen ninety-nine."),
    ("en", "on 2024-03-05 at 14:05", "on March fifth, twenty twenty-four at fourteen oh five"),
    ("en", "at 3:00", "at three o'clock"),
    ("en", "the 21st of 1,000", "the twenty-first of one thousand"),
    ("en", "-5 and 3.14", "minus five and three point one four"),
    ("en", "agent 007", "agent zero zero seven"),
    ("en", "MP3", "MP three"),
    ("en", "25℃", "twenty-five degrees Celsius"),
    ("en", "x = 2 + 2", "x equals two plus two"),
    ("en", "a 4-6 pack, well-known", "a four-six pack, well-known"),
    ("en", "2024-99-99", "twenty twenty-four-ninety-nine-ninety-nine"),
    ("en", "Fun 😀👩‍🔬 here ©", "Fun here"),
    ("en", "A heading\n\nand a line\nbroken!\n\nEnd", "A heading.\n\nand a line\nbroken!\n\nEnd"),
    ("zh", "你好\n\n再见", "你好。\n\n再见"),
    ("de", "1.234,56 €", "eintausendzweihundertvierunddreißig Euro sechsundfünfzig Cent"),
    ("de", "am 5.3.2024 um 14:30 Uhr", "am fünften März zweitausendvierundzwanzig um vierzehn Uhr dreißig"),
    ("de", "-3,5 °C & 12 %", "minus drei Komma fünf Grad Celsius und zwölf Prozent"),
    ("fr", "12,50 € le 14.7.2000", "douze euros cinquante centimes le quatorze juillet deux mille"),
    ("es", "21 %", "veintiuno por ciento"),
    ("zh", "2024年3月5日，-3.5度，50%", "二零二四年三月五日，负三点五度，百分之五十"),
    ("zh", "$1,234，14:30", "一千二百三十四美元，十四点三十分"),
    ("zh", "3-5个，3-5，010-12345678", "三到五个，三到五，零一零 一千二百三十四万五千六百七十八"),
    ("zh", "12345678901234567890", "一二三四五六七八九零一二三四五六七八九零"),
    ("zh", "-3.5℃，77°F", "零下三点五摄氏度，七十七华氏度"),
    ("zh", "二〇二六年，25℃", "二〇二六年，二十五摄氏度"),
    ("ja", "21", "二十一"),
    ("ru", "21 год", "двадцать один год"),
    ("hi", "हैलो 21", "हैलो 21"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "text", "said"), READ_OUT)
def test_what_is_not_letters_is_read_out(language, text, said):
    assert normalize_text(text, language) == said


def test_every_language_reads_every_kind():
    assert {"en", "de", "fr", "es", "zh", "ja", "ru", "ar"} <= set(languages())
    for language in languages():
        text = normalize_text("7 1.5 $3 50% 2024-01-02 14:30 12345678901234567890 -4", language)
        assert text.strip(), language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Hello, wörld", "en"), ("你好 world", "zh"), ("〇", "zh"), ("今日は", "ja"), ("안녕", "ko"), ("Привет", "ru"),
        ("Привіт, їжак", "uk"), ("مرحبا", "ar"), ("שלום", "he"), ("สวัสดี", "th"), ("", "en"), ("123", "en"),
    ],
)  # fmt: skip
def test_the_language_is_seen_from_the_letters(text, language):
    assert language_of(text) == language


@settings(deadline=None, max_examples=150)
@given(st.text(max_size=200), st.sampled_from(["en", "de", "zh", "ru", "xx"]))
def test_any_text_can_be_read_out(text, language):
    said = normalize_text(text, language)
    assert "\0" not in said
    if language == "en":
        assert not re.search(r"[0-9]", said)


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=400), st.integers(8, 120))
def test_pieces_lose_nothing_and_keep_the_limit(text, limit):
    pieces = split(text, limit)
    assert "".join("".join(p.text for p in pieces).split()) == "".join(text.split())
    assert all(p.size <= limit and p.text == p.text.strip() and p.end in PAUSES for p in pieces)


def test_sentences_stay_whole_and_pieces_are_of_a_size():
    sentence = "This is a sentence of fifty bytes, about as long. "
    pieces = split(sentence * 7, 160)
    assert sorted(p.text.count("sentence") for p in pieces) == [2, 2, 3]
    assert all(p.text.endswith(".") and p.end in ("sentence", "paragraph") for p in pieces)


def test_cuts_are_made_where_they_hurt_least():
    assert [p.end for p in split("One is here.\n\nTwo is here.", 14)] == ["paragraph", "paragraph"]
    assert [p.end for p in split("One is here. Two is here.", 14)] == ["sentence", "paragraph"]
    assert [p.end for p in split("One is here, two is here.", 14)] == ["clause", "paragraph"]
    assert [p.end for p in split("One is here two is here.", 14)] == ["word", "paragraph"]
    assert [p.text for p in split("Dr. Smith met Mrs. Jones. They spoke.", 27)] == [
        "Dr. Smith met Mrs. Jones.",
        "They spoke.",
    ]
    assert [p.text for p in split("你好。今天天气很好，我们去公园吧！", 30)] == [
        "你好。今天天气很好，",
        "我们去公园吧！",
    ]


def test_ten_thousand_letters():
    text = "The quick brown fox jumps over the lazy dog. " * 230
    pieces = split(text, 200)
    assert sum(size(p.text) for p in pieces) > 10_000
    assert max(p.size for p in pieces) <= 200


SAMPLES = [
    "Hello world, this is a test.",
    "I’m well-known (hello); “quoted” text 'here' 3.14 $5 it's.",
    "我爱北京天安门，ok。",
    "你好世界! Hello 世界。一二三，不是不好。",
    "这是一个mixed的句子，with English在里面。",
    "Grüße über Köln: äöü ß é à ñ.",
    "Привет, мир. こんにちは世界 안녕하세요",
    "二〇二六年三〇五房，一三八〇〇一三八〇〇〇。〇",
    "a.b.c www.example.com foo_bar 50% A&B",
    "",
    "  two  spaces ",
    "…—– «x»",
]


@pytest.mark.parametrize("text", SAMPLES)
def test_symbols_are_those_of_the_reference(reference, text):
    assert tokenize(text) == reference.convert_char_to_pinyin([text])[0]


def test_chinese_punctuation_in_a_row_is_no_error():
    assert tokenize("，。「」") == list("，。「」")


def test_every_character_with_a_sound_has_that_of_the_reference(reference):
    from pypinyin.constants import PINYIN_DICT

    known = set(vocabulary())
    beyond = 0
    for letter in (*map(chr, PINYIN_DICT), *(symbol for symbol in known if len(symbol) == 1)):
        symbols = tokenize(letter)
        if letter <= "\uffff" or ord(letter) not in PINYIN_DICT:
            assert symbols == reference.convert_char_to_pinyin([letter])[0]
        else:  # the reference leaves it as it is, and its model, which doesn't know it, leaves it out
            assert symbols[0] == " "
            beyond += symbols[1] in known
    assert beyond > 14_000


def test_rare_characters_in_a_name_and_the_zero_among_other_letters():
    assert tokenize("𫖯") == [" ", "fu3"]
    assert tokenize("É〇") == ["É", "ling2"]


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=80))
def test_any_text_becomes_symbols(text):
    assert all(isinstance(symbol, str) and symbol for symbol in tokenize(text))
