"""From words and times to subtitles."""

import html
from itertools import pairwise

import pytest
import srt as srt_reader
import webvtt
from hypothesis import given
from hypothesis import strategies as st

from myspinbot.engines.speech import espeak
from myspinbot.engines.subtitles.cues import LINE, Cue, cues, srt, vtt
from myspinbot.engines.subtitles.line_breaking import ends_sentence, normalized, split_at_breaks, width
from myspinbot.engines.timings import Span, Timings, TimingsError

from .speech import spoken


def lines(timings: Timings, text: str = "", **options) -> list[tuple[str, ...]]:
    return [cue.lines for cue in cues(timings, text, **options)[0]]


def check(found: list[Cue], line: int = LINE) -> None:
    """What holds of all subtitles."""
    for cue in found:
        assert 1 <= len(cue.lines) <= 2
        assert all(text and width(text) <= line and text == text.strip() for text in cue.lines)
        assert cue.start < cue.end
    for a, b in pairwise(found):
        assert a.end <= b.start


def test_they_begin_with_their_first_word_and_end_at_sentences():
    text = "The sky is blue. That is so because light is scattered."
    timings = spoken("The", "sky", "is", "blue", 0.6, "That", "is", "so", "because", "light", "is", "scattered")
    found, used = cues(timings, text)
    assert used
    assert [cue.lines for cue in found] == [("The sky is blue.",), ("That is so because light is scattered.",)]
    assert [cue.start for cue in found] == [0.0, timings.words[4].start]
    check(found)


def test_without_a_text_a_pause_parts_them():
    timings = spoken("The", "sky", "is", "blue", 0.7, "That", "is", "so", "for", "light", "is", "scattered")
    assert lines(timings) == [("The sky is blue",), ("That is so for light is scattered",)]


def test_a_long_sentence_is_parted_at_its_comma_and_stands_on_two_lines():
    text = (
        "When the sun stands low in the evening, the light has a much longer way through the air, "
        "so that hardly any of the blue is left."
    )
    found, _ = cues(spoken(*key_words(text), word=0.3), text)
    check(found)
    assert " ".join(line for cue in found for line in cue.lines) == text
    assert all(cue.lines[-1][-1] in ",." for cue in found)
    assert any(len(cue.lines) == 2 for cue in found)
    assert all(cue.end - cue.start <= 7.3 for cue in found)


def key_words(text: str) -> list[str]:
    return [word.strip(".,;:!?\"'()") for word in text.split()]


def test_a_short_one_stays_for_as_long_as_it_takes_to_read():
    timings = Timings(10, (Span("Yes", 0, 0.1), Span("incomprehensibilities", 5, 5.2)))
    yes, long = cues(timings)[0]
    assert yes.end - yes.start == pytest.approx(5 / 6, abs=0.001)
    assert long.end - long.start == pytest.approx(21 / 17, abs=0.001)


def test_the_text_gives_punctuation_and_numbers_and_the_timings_the_times():
    timings = spoken("It", "costs", "five", "dollars", "and", "fifty", "cents", "today")
    text = "(Hm!) It costs $5.50 — today…"
    found, used = cues(timings, text, line=10)
    assert used
    assert " ".join(line for cue in found for line in cue.lines) == text
    price = next(cue for cue in found if any("$5.50" in line for line in cue.lines))
    assert price.start <= timings.words[2].start
    assert price.end >= timings.words[6].end - 0.01


def test_another_text_is_left_aside():
    timings = spoken("one", "two", "three", "four")
    found, used = cues(timings, "Nothing of this was ever said by anybody.")
    assert not used
    assert found[0].lines == ("one two three four",)


@pytest.mark.parametrize("text", ["", "Said by nobody."])
def test_no_words_no_subtitles(text):
    found, used = cues(Timings(3.0), text)
    assert (found, used) == ([], True)
    assert srt(found) == ""
    assert vtt(found) == "WEBVTT\n"


def test_a_word_without_an_end_is_refused_by_its_place():
    with pytest.raises(TimingsError, match=r"words\[1\]"):
        Timings.from_json('{"words": [{"text": "a", "start": 0, "end": 1}, {"text": "b", "start": 1}]}')


def test_words_of_no_length_share_the_time():
    words = tuple(Span(word, 1.0, 1.0) for word in ("all", "at", "once"))
    (cue,) = cues(Timings(4.0, words))[0]
    assert (cue.start, cue.lines) == (1.0, ("all at once",))
    assert cue.end > 2


def test_a_word_longer_than_a_line_is_cut_and_nothing_is_lost():
    word = "https://example.org/" + "abcdefghij" * 20
    found, _ = cues(spoken("See", word, "now", word=2.0))
    check(found)
    assert "".join(line for cue in found for line in cue.lines).replace(" ", "") == f"See{word}now"


def test_chinese_has_no_spaces_and_no_line_begins_with_its_punctuation():
    text = "你好，世界。今天天气很好！我有3个苹果，想要分给所有的朋友们吃，你们觉得这个主意怎么样呢？我们去公园玩吧。"
    speech = espeak.speak(text, language="cmn")
    found, used = cues(speech.timings, text)
    check(found)
    assert used
    assert "".join(line for cue in found for line in cue.lines) == text
    assert not any(line[0] in "，。！？" for cue in found for line in cue.lines)
    assert found[-1].end == pytest.approx(speech.timings.duration, abs=0.5)
    spread = [len("".join(cue.lines)) / (cue.end - cue.start) for cue in found]
    assert max(spread) < 3 * min(spread), "the characters are laid over all of the speech"


def test_japanese_is_not_said_twice():
    speech = espeak.speak("こんにちは、世界。今日はいい天気です。", language="ja")
    assert [word.text for word in speech.timings.words] == ["こんにちは", "世界", "今日はいい天気です"]
    assert speech.timings.words[-1].end == pytest.approx(speech.timings.duration, abs=0.5)
    assert "".join(line for cue in cues(speech.timings)[0] for line in cue.lines) == "こんにちは世界今日はいい天気です"


@pytest.mark.parametrize("text", ["مرحبا بالعالم، كيف حالك؟", "שלום עולם, מה שלומך?"])
def test_right_to_left_stays_in_the_order_in_which_it_is_read(text):
    found, used = cues(spoken(*[word.strip("،؟,?") for word in text.split()]), text)
    assert used
    assert [cue.lines for cue in found] == [(text,)]
    assert next(srt_reader.parse(srt(found))).content == text


def test_where_sentences_end():
    ends = ["blue.", "don't.", "what?!", "„Ja!“", "so…", "好。", "كيف؟", "है।", "(yes.)"]
    assert [word for word in ends if not ends_sentence(word)] == []
    inside = ["Dr.", "e.g.", "J.", "U.S.", "3.14", "well,", "a.b"]
    assert [word for word in inside if ends_sentence(word)] == []


def test_lines_may_end_between_ideographs_but_not_before_closing_marks():
    assert split_at_breaks("中文，好（是）") == ["中", "文，", "好", "（是）"]
    assert split_at_breaks("チョコレート") == ["チョ", "コ", "レー", "ト"]
    assert split_at_breaks("well-known") == ["well-known"]
    assert split_at_breaks("用Python写") == ["用", "Python", "写"]


def test_an_hour():
    sentence = [*key_words("The quick brown fox jumps over the lazy dog and then it goes home to"), "sleep."]
    said, at = [], 0.0
    for number in range(9000):
        word = sentence[number % len(sentence)]
        said.append(Span(word.strip("."), at, at + 0.3))
        at += 0.7 if word.endswith(".") else 0.4
    text = " ".join(sentence[number % len(sentence)] for number in range(9000))
    found, used = cues(Timings(at, tuple(said)), text)
    assert used
    check(found)
    assert " ".join(line for cue in found for line in cue.lines) == text
    assert found[-1].start > 3600
    assert "\n01:02:" in srt(found)


def test_files_are_read_by_others(tmp_path):
    found = [
        Cue(0.0, 1.5, ("One & <two>", "a --> b")),
        Cue(3599.999, 3601.25, ("שלום",)),
        Cue(36000.0, 36001.0, ("中文",)),
    ]
    read = list(srt_reader.parse(srt(found)))
    assert [(s.start.total_seconds(), s.end.total_seconds()) for s in read] == [(c.start, c.end) for c in found]
    assert read[0].content == "One & <two>\na → b"
    (tmp_path / "a.vtt").write_text(vtt(found), "utf-8")
    captions = webvtt.read(str(tmp_path / "a.vtt"))
    assert [(c.start_in_seconds, c.end_in_seconds) for c in captions] == [
        (pytest.approx(c.start, abs=1), pytest.approx(c.end, abs=1)) for c in found
    ]
    assert [c.start for c in captions] == ["00:00:00.000", "00:59:59.999", "10:00:00.000"]
    assert html.unescape(captions[0].text) == "One & <two>\na → b"


times = st.floats(0, 60, allow_nan=False)
words = st.text(st.sampled_from("ab 中。,.אב\u0301ー->"), max_size=60)


@given(st.lists(st.tuples(words, times, times), max_size=25), words, st.integers(8, 42))
def test_any_timings_give_subtitles_that_can_be_read(spans, text, line):
    ordered = sorted((min(a, b), max(a, b), word) for word, a, b in spans)
    timings = Timings(60.0, tuple(Span(word, a, b) for a, b, word in ordered))
    found, used = cues(timings, text, line=line)
    check(found, line)
    said = text if used and normalized(text) and normalized("".join(w.text for w in timings.words)) else None
    written = "".join("".join(line.split()) for cue in found for line in cue.lines)
    expected = "".join(said.split()) if said else "".join("".join(w.text.split()) for w in timings.words)
    assert normalized(written) == normalized(expected)
    assert len(list(srt_reader.parse(srt(found)))) == len(found)
