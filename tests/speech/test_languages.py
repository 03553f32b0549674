"""Which language is meant, and which voice reads it."""

import pytest

from myspinbot.engines.languages import code_of, name_of
from myspinbot.engines.speech import espeak
from myspinbot.engines.speech.espeak.language import language_called, voice_language

CALLED = [
    ("German", "de", "de"), ("deutsch", "de", "de"), (" Français ", "fr", "fr-fr"), ("pt_BR", "pt-br", "pt-br"),
    ("Brazilian Portuguese", "pt-br", "pt-br"), ("Portuguese", "pt", "pt"), ("British English", "en-gb", "en-gb"),
    ("English", "en", "en-us"), ("zh-CN", "zh-cn", "cmn"), ("中文", "zh", "cmn"), ("हिन्दी", "hi", "hi"),
    ("Chinese (Cantonese)", "yue", "yue"), ("Norwegian", "no", "nb"), ("de-AT", "de-at", "de"), ("ja", "ja", "ja"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "code", "voice"), CALLED)
def test_a_language_is_known_as_people_call_it(name, code, voice):
    assert code_of(name) == code
    assert language_called(name) == voice


def test_a_language_without_a_code_here_is_found_among_the_voices_by_its_english_name():
    assert code_of("Greenlandic") is None
    assert language_called("Greenlandic") == "kl"
    assert language_called("Gaelic (Irish)") == "ga"


@pytest.mark.parametrize("name", ["", "Gibberish", "the one I speak", "xx", "xx-yy"])
def test_what_no_voice_speaks_is_not_guessed(name):
    assert language_called(name) is None


def test_the_voice_of_the_usual_codes_is_there():
    """Where a code has no voice of its own, the table names one that exists."""
    assert {voice for _, _, voice in CALLED} <= set(espeak.languages())
    assert name_of("de") == "German"
    assert name_of("zh-cn") == "Chinese"
    assert name_of("xx") == "xx"


@pytest.mark.parametrize(
    ("chosen", "script", "text", "voice"),
    [
        ("auto", "German", "Hallo", "de"), ("auto", "", "Hallo", "en-us"), ("auto", "", "Привет", "ru"),
        ("auto", "", "你好", "cmn"), ("auto", "en", "Hello", "en-us"), ("en-gb", "English", "Hello", "en-gb"),
        ("es-419", "español", "Hola", "es-419"), ("de", "", "Hello", "de"),
    ],
)  # fmt: skip
def test_auto_follows_the_script_and_then_the_letters(chosen, script, text, voice):
    assert voice_language(chosen, script, text) == (voice, "")


def test_a_voice_of_another_language_is_taken_as_asked_and_said():
    voice, remark = voice_language("en-us", "German", "Hallo")
    assert voice == "en-us"
    assert "German" in remark
    assert "English (America)" in remark
    assert "auto or de" in remark


@pytest.mark.parametrize(
    ("chosen", "script", "text", "said"),
    [
        ("auto", "English", "Let's talk about this: なぜ？", "America) has no such letters as those of Japanese"),
        ("de", "", "Почему небо голубое?", "German has no such letters as those of Russian"),
        ("auto", "Japanese", "空は青い", "reads kana, and spells Chinese characters out"),
        ("auto", "Japanese", "そらはあおい", ""), ("auto", "zh", "天空", ""),
        ("bg", "", "Защо?", ""), ("ar", "", "لماذا", ""),
    ],
)  # fmt: skip
def test_letters_that_a_voice_spells_out_are_said(chosen, script, text, said):
    remark = voice_language(chosen, script, text)[1]
    assert said in remark
    assert bool(said) == bool(remark)


def test_a_language_that_no_voice_speaks_is_said():
    voice, remark = voice_language("auto", "Gibberish", "Hello")
    assert voice == "en-us"
    assert "'Gibberish'" in remark
