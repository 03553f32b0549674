import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myspinbot.engines.timings import Span, Timings, TimingsError, spans_from_starts

SPOKEN = Timings(1.5, (Span("Hello", 0.0, 0.44),), (Span("h", 0.01, 0.06), Span("ə", 0.06, 0.2)))


def test_a_round_trip_changes_nothing():
    assert Timings.from_json(SPOKEN.to_json()) == SPOKEN


def test_spans_end_where_the_next_begins_and_pauses_make_none():
    assert spans_from_starts([("a", 0.0), ("", 0.5), ("b", 0.9)], 1.2) == (Span("a", 0.0, 0.5), Span("b", 0.9, 1.2))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("{", "not JSON"),
        ("[]", "JSON object"),
        ('{"words": {}}', "`words`"),
        ('{"words": [{"text": "a", "start": 2, "end": 1}]}', r"words\[0\]"),
        ('{"phonemes": [{"text": "a", "start": 0, "end": 1}, {"start": 0}]}', r"phonemes\[1\]"),
        ('{"phonemes": [{"text": "a", "start": true, "end": 1}]}', r"phonemes\[0\]"),
        ('{"duration": "long"}', "duration"),
        ('{"phonemes": [{"text": "a", "start": 0, "end": NaN}]}', r"phonemes\[0\]"),
        ('{"phonemes": [{"text": "a", "start": 0, "end": 1e308}]}', r"phonemes\[0\]"),
        ('{"duration": ' + "9" * 400 + "}", "duration"),
        ('{"duration": ' + "9" * 5000 + "}", "not JSON"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_errors_say_where(text, where):
    with pytest.raises(TimingsError, match=where):
        Timings.from_json(text)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda v: st.lists(v) | st.dictionaries(
    st.sampled_from(["words", "phonemes", "duration", "text", "start", "end"]), v)))  # fmt: skip
def test_any_json_is_read_or_refused_with_a_sentence(value):
    try:
        read = Timings.from_json(json.dumps(value))
    except TimingsError as error:
        sentence = str(error)
    else:
        sentence = f"Read {len(read.words)} words."
    assert sentence.endswith(".")
