"""Kokoro without its weights: what is read, in which letters and voice, and what is said when it can't be."""

from __future__ import annotations

import builtins
import unicodedata
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from myspinbot.engines.speech import espeak, kokoro
from myspinbot.engines.speech.kokoro import mandarin
from myspinbot.engines.speech.kokoro.alphabet import NUMBERS
from myspinbot.engines.speech.kokoro.sentences import LONGEST, cut
from myspinbot.engines.speech.kokoro.voices import SPOKEN, VOICES, UnspokenError, choose, language_of_voice, voice_for
from tests.miniatures import kokoro as miniature


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> kokoro.Kokoro:
    return kokoro.load(miniature.write_model(tmp_path_factory.mktemp("kokoro") / "kokoro.onnx"))


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return kokoro.load_voice(miniature.write_voice(tmp_path_factory.mktemp("voices") / "af_heart.bin"))


def letters(text: str, language: str = "en-us") -> list[str]:
    return [sentence.letters for sentence in cut(text, espeak.pronounce(text, language=language), language)[0]]


def test_the_alphabet_is_the_models():
    assert len(NUMBERS) == 114
    assert [NUMBERS[letter] for letter in ";— aAOWYɑʤɹˈː↓ᵻ"] == [
        1,
        9,
        16,
        43,
        24,
        31,
        39,
        41,
        69,
        82,
        123,
        156,
        158,
        169,
        177,
    ]


@pytest.mark.parametrize(
    ("text", "language", "written"),
    [
        ("Go out, boy: they may!", "en-us", "ɡˌO ˈWt, bˈY: ðA mˈA!"),
        ("A little furry button.", "en-us", "ə lˈɪTᵊl fˈɜɹi bˈʌtᵊn."),
        ("Go home (or so), she said “no”.", "en-us", "ɡˌO hˈOm (ɔɹ sˈO), ʃi sˈɛd “nˈO”."),
        ("Don't judge 3.5 e-mails", "en-us", "dˈOnt ʤˈʌʤ θɹˈi pYnt fˈIv ˈimˈAlz"),
        ("Mr. Smith lives in the U.S. today.", "en-us", "mˈɪstəɹ smˈɪθ lˈIvz ɪnðə jˌuˈɛs tədˈA."),
        ("Go home there.", "en-gb-x-rp", "ɡˌQ hˈQm ðˈɛː."),
        ("¿Qué tal, muchacho?", "es", "kˈe tˈal, muʧˈaʧo?"),
        ("Un bon vin «blanc».", "fr-fr", "œ̃ bˈɔ̃ vˈɛ̃ “blˈɑ̃”."),
        ("हाँ, यह सच है।", "hi", "hˈã, jˌəh sˈʌc hɛː."),
    ],
)  # fmt: skip
def test_words_are_written_in_the_models_letters(text, language, written):
    assert " ".join(letters(text, language)) == unicodedata.normalize("NFD", written)


def test_chinese_has_its_tones_and_words():
    text = "你好，世界。今天22度, OK吗？女儿吃饭。"
    sentences, words = cut(text, mandarin.pronounce(text), "cmn")
    written = "".join(one.letters for one in sentences)
    assert written.startswith("ni↗xau↓, ʂɨ↘ʨje↘. ʨi→ntʰjɛ→n ")
    assert "ny↓ɚ↗ ꭧʰɨ→fa↘n." in written
    assert {"你好", "世界", "今天", "OK", "女儿"} <= set(words)
    assert {symbol for one in sentences for symbol, _, _ in one.phonemes}.isdisjoint({"i→", "→"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("今天2026年11月27日，第1个", "今天二零二六年十一月二十七日，第一个"),
        ("价格$3.5，涨了50%。-5℃，3-5个MP3", "价格三点五美元，涨了百分之五十。零下五摄氏度，三到五个MP三"),
        ("你好①，𠮷野家🙂", "你好，野家"),
        ("豈𰻝", "豈𰻝"),
    ],
)  # fmt: skip
def test_chinese_numbers_have_their_tones_and_what_has_no_sound_is_left_out(text, said):
    assert [one.symbols for one in mandarin.pronounce(text)] == [one.symbols for one in mandarin.pronounce(said)]


def test_a_number_in_chinese_is_a_word_of_the_text():
    text = "今天2026年11月，有3.5个。"
    assert cut(text, mandarin.pronounce(text), "cmn")[1] == ["今天", "2026年", "11月", "有", "3.5个"]


def test_chinese_of_signs_alone_is_refused():
    with pytest.raises(ValueError, match="Nothing in the text can be spoken in Chinese"):
        mandarin.pronounce("①🙂")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("!" * 600, "!"), ("?!" * 300, "?!" * 6), ("." * 600, "…"), ("…" * 600, "…"), (" . " * 600, " ." * 6),
        ("?", "?"), (").", ")."), ("?!", "?!"),
    ],
)  # fmt: skip
def test_signs_in_a_row_are_few(written, read):
    (sentence,) = letters(f"Wow{written}")
    assert sentence.lstrip("waʊˈW") == read


def test_what_the_runtime_refuses_is_said(model):
    with pytest.raises(kokoro.KokoroError, match="can't read a sentence of 2 letters"):
        model.read([50, 51], np.zeros(255, np.float32), 1.0, lambda: None)


def test_a_text_is_cut_at_the_ends_of_its_sentences_and_lines():
    text = (
        "This is the very first sentence. Is this the second of them?\nA line without end\nAnd then there is the last!"
    )
    assert [one[-1] for one in letters(text)] == [".", "?", ".", "!"]


def test_what_is_too_short_is_read_with_its_neighbour():
    assert len(letters("Yes! No. Well, I don't really know about it. Ok.")) == 1


@pytest.mark.parametrize("text", ["word " * 300, "a lot of words, " * 60, "x" * 900, "1234567890" * 20, "ab\n" * 50])
def test_no_sentence_is_too_long_for_the_model(text):
    parts = letters(text)
    assert max(map(len, parts)) <= LONGEST + 20
    assert sum(map(len, parts)) > 100


def test_words_are_those_of_the_text_however_they_are_spoken(model, voice):
    text = "A well-known fact of the 12,345.67 dollars: I don't know it by John's (or U.S.) clock!"
    speech = kokoro.speak(model, voice, text)
    spoken = " ".join(word.text for word in speech.timings.words)
    assert spoken == "A well-known fact of the 12,345.67 dollars I don't know it by John's or U.S clock"


@pytest.mark.parametrize("language", sorted(SPOKEN.values()))
def test_words_and_phonemes_follow_each_other_within_the_sound(model, voice, language):
    texts = {"hi": "नमस्ते, आप कैसे हैं? 12", "ja": "こんにちは。 ありがとう。", "cmn": "你好，世界。天空是蓝色的。"}
    text = texts.get(language, "Paris, Roma, Lima 12. La la la la.")
    speech = kokoro.speak(model, voice, text, language=language)
    assert speech.sample_rate == 24000
    assert speech.timings.duration == pytest.approx(len(speech.samples) / 24000)
    for spans in (speech.timings.words, speech.timings.phonemes):
        assert len(spans) >= 2
        assert all(0 <= a.start < a.end <= b.start + 1e-6 for a, b in pairwise(spans))
        assert spans[-1].start < spans[-1].end <= speech.timings.duration


def test_sounds_are_heard_three_frames_before_the_models_durations_say(model, voice):
    first = kokoro.speak(model, voice, "Papa").timings.phonemes[0]
    assert first.text == "p"
    assert first.start == 0
    assert first.end == pytest.approx(miniature.FRAMES * 0.025)


def test_speed_and_loudness_are_heard(model, voice):
    plain, fast = (kokoro.speak(model, voice, "One two three", speed=speed, loudness=None) for speed in (1.0, 3.0))
    assert fast.timings.duration == pytest.approx(plain.timings.duration / 3)
    loud, low = (kokoro.speak(model, voice, "One two three", loudness=level).samples for level in (-16.0, -30.0))
    assert 20 * np.log10(np.abs(loud).max() / np.abs(low).max()) == pytest.approx(14, abs=0.3)


def test_progress_counts_the_characters_and_a_cancel_ends_the_speech(model, voice):
    seen: list[tuple[int, int]] = []
    text = "This is the very first sentence. This is the second one, and more."
    kokoro.speak(model, voice, text, on_step=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (len(text), len(text))
    assert any(0 < done < total for done, total in seen)

    class Cancelled(BaseException):
        pass

    def cancel(done: int, total: int) -> None:
        if done:
            raise Cancelled

    with pytest.raises(Cancelled):
        kokoro.speak(model, voice, text, on_step=cancel)


@pytest.mark.parametrize("text", ["", " \n", "..."])
def test_nothing_to_say_is_refused(model, voice, text):
    with pytest.raises(ValueError, match="text"):
        kokoro.speak(model, voice, text)


def test_a_missing_runtime_is_said(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name: str, *args: Any, **options: Any) -> Any:
        if name == "onnxruntime":
            raise ImportError(name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(kokoro.KokoroError, match="pip install onnxruntime"):
        kokoro.load(miniature.write_model(tmp_path / "kokoro.onnx"))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "can't be loaded as the speech model Kokoro"),
        (lambda path: path.write_bytes(b""), "can't be loaded"),
        (lambda path: miniature.write_model(path, durations="lasting"), "can't be loaded"),
        (lambda path: miniature.write_model(path, inputs=("ids", "style", "speed")), "are ids, speed, style"),
    ],
)  # fmt: skip
def test_another_model_is_refused(tmp_path, damage, said):
    path = miniature.write_model(tmp_path / "other.onnx")
    damage(path)
    with pytest.raises(kokoro.KokoroError, match=said):
        kokoro.load(path)


@pytest.mark.parametrize("content", [b"", b"abc", np.full(256, np.nan, "<f4").tobytes()])
def test_a_file_that_is_no_voice_is_refused(tmp_path, content):
    (tmp_path / "x.bin").write_bytes(content)
    with pytest.raises(kokoro.KokoroError, match=r"x\.bin is no voice"):
        kokoro.load_voice(tmp_path / "x.bin")


def test_the_voices_are_those_of_the_manifest():
    from myspinbot.shared.manifest import load

    listed = {Path(model.file).stem for model in load().models.values() if model.file.startswith("Kokoro/voices/")}
    assert set(VOICES) == listed
    assert len(VOICES) == 54
    assert set(SPOKEN.values()) <= set(espeak.languages())


@pytest.mark.parametrize(
    ("asked", "taken"),
    [
        (("auto", "auto", "", "Hello"), ("af_heart", "en-us")),
        (("auto", "auto", "German", "Hallo"), None),
        (("auto", "auto", "British English", "Hello"), ("bf_emma", "en-gb-x-rp")),
        (("auto", "auto", "Spanish", "Hola"), ("ef_dora", "es")),
        (("auto", "es-419", "", "Hola"), ("ef_dora", "es")),
        (("auto", "auto", "Portuguese", "Olá"), ("pf_dora", "pt-br")),
        (("auto", "auto", "", "你好"), ("zf_xiaoxiao", "cmn")),
        (("auto", "auto", "", "Привет"), None),
        (("if_sara", "auto", "", "Ciao"), ("if_sara", "it")),
        (("bm_george", "auto", "English", "Hello"), ("bm_george", "en-gb-x-rp")),
        (("bm_george", "auto", "", "こんにちは"), ("bm_george", "ja")),
        (("af_heart", "fr-fr", "", "Bonjour"), ("af_heart", "fr-fr")),
        (("my own", "auto", "", "Hello"), ("my own", "en-us")),
    ],
)  # fmt: skip
def test_a_voice_is_chosen_for_the_language(asked, taken):
    if taken is None:
        with pytest.raises(UnspokenError, match=r"Kokoro speaks English, Spanish, .* and not (German|Russian)"):
            choose(*asked)
    else:
        assert choose(*asked)[:2] == taken


def test_a_voice_that_is_not_at_home_in_a_language_is_said_or_followed_by_one_that_is():
    assert "am_michael is at home in English and reads French" in choose("am_michael", "fr-fr", "", "Bonjour")[2]
    assert choose("am_michael", "it", "", "Ciao", follow=True) == ("im_nicola", "it", "")
    assert choose("am_michael", "fr-fr", "", "Bonjour", follow=True)[0] == "ff_siwis"
    assert choose("am_michael", "auto", "English", "Hi", follow=True)[0] == "am_michael"
    assert voice_for("de") is None
    assert {language_of_voice(voice) for voice in VOICES} == set(SPOKEN.values())
