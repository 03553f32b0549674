"""Write Script's engine against a small HTTP server that speaks Ollama's API."""

import json
import sys

import pytest

from myspinbot.engines.script.brief import TONES, Brief, shorten
from myspinbot.engines.script.ollama import Model
from myspinbot.engines.script.write import write
from tests.ollama import Ollama

GOOD = json.dumps({"scene": "A desk by a window.", "narration": "The sky scatters blue light the most."})
BRIEF = Brief("Why is the sky blue?", "formal", seconds=8)


def test_a_good_answer_is_used_and_the_request_is_what_was_asked():
    with Ollama(GOOD) as ollama:
        script = write(BRIEF, Model(ollama.host, "some:model", temperature=0.7, seed=5))
    assert script.narration == "The sky scatters blue light the most."
    assert script.scene == "A desk by a window."
    assert (script.fallback, script.warning) == (False, "")
    (request,) = ollama.requests
    assert request["model"] == "some:model"
    assert request["options"] == {"temperature": 0.7, "seed": 5}
    assert set(request["format"]["required"]) == {"scene", "narration"}
    asked = json.dumps(request["messages"])
    assert "Why is the sky blue?" in asked
    assert "formal" in asked
    assert "20 words" in asked


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("I would love to help!", "JSON"),
        ('{"scene": "x"}', "narration"),
        ('{"scene": "x", "narration": "... !"}', "narration"),
        ('{"scene": "x", "narration": "I\'m sorry, but I can\'t help with that."}', "refused"),
        ("", "JSON"),
        ('{"scene": "x", "narration": "I\u2019m sorry, but I can\u2019t help with that."}', "refused"),
        ('{"scene": "x", "narration": ["Hello", "there"]}', "narration"),
        ('{"narration": ' + "[" * 50_000, "JSON"),
        ('{"scene": "x", "narration": 1' + "0" * 5000 + "}", "JSON"),
        ((500, '{"error": {"message": "overloaded"}}'), "overloaded"),
        ((502, '{"error": null}'), "template"),
        ((200, "[1, 2]"), "does not speak as Ollama does"),
        ((200, "<html>Welcome</html>"), "does not speak as Ollama does"),
        ((500, '{"error": "out of memory"}'), "out of memory"),
    ],
)
def test_nonsense_is_asked_once_more_then_the_template_takes_over(reply, why):
    with Ollama(reply) as ollama:
        script = write(BRIEF, Model(ollama.host))
    assert len(ollama.requests) == 2
    assert ollama.requests[0]["options"]["seed"] != ollama.requests[1]["options"]["seed"]
    assert script.fallback
    assert why in script.warning
    assert "template" in script.warning
    assert "Why is the sky blue?" in script.narration


def test_the_second_try_may_succeed():
    with Ollama("hm", f"Here it is:\n```json\n{GOOD}\n```") as ollama:
        script = write(BRIEF, Model(ollama.host))
    assert len(ollama.requests) == 2
    assert not script.fallback
    assert script.narration == "The sky scatters blue light the most."


def test_a_missing_model_is_not_asked_twice_and_the_warning_says_how_to_get_it():
    with Ollama((404, '{"error": "model not found"}')) as ollama:
        script = write(BRIEF, Model(ollama.host, "no:such"))
    assert len(ollama.requests) == 1
    assert script.fallback
    assert "ollama pull no:such" in script.warning


def test_no_server_is_a_fallback_with_a_warning():
    with Ollama(GOOD) as ollama:
        pass
    script = write(BRIEF, Model(ollama.host))
    assert script.fallback
    assert ollama.host in script.warning


@pytest.mark.parametrize("narration", ["I can't wait to tell you about bees!", "Sorry, flowers: bees are the stars."])
def test_what_only_looks_like_a_refusal_is_kept(narration):
    with Ollama(json.dumps({"scene": "A meadow.", "narration": narration})) as ollama:
        assert write(BRIEF, Model(ollama.host)).narration == narration


def test_halves_of_characters_are_left_out():
    with Ollama('{"scene": "x", "narration": "Bees \\ud83d fly."}') as ollama:
        assert write(BRIEF, Model(ollama.host)).narration == "Bees fly."


def test_a_missing_package_is_a_fallback(monkeypatch):
    monkeypatch.setitem(sys.modules, "ollama", None)
    script = write(BRIEF, Model("http://127.0.0.1:9"))
    assert script.fallback
    assert "ollama is missing" in script.warning


def test_no_proxy_sees_the_topic(monkeypatch):
    with Ollama(GOOD) as ollama, Ollama(GOOD) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.host)
        assert not write(BRIEF, Model(ollama.host)).fallback
    assert len(ollama.requests) == 1
    assert proxy.requests == []


def test_the_second_try_has_only_the_time_that_is_left():
    """The second answer would come in time if the time began anew."""
    with Ollama("nonsense", GOOD, delays=(0.75, 1.5)) as ollama:
        assert write(BRIEF, Model(ollama.host, timeout=2.0)).fallback


@pytest.mark.parametrize(
    "host",
    [
        "http://\N{GRINNING FACE}",
        "http://a\x00b",
        "http://" + "a" * 70_000,
        "not a host",
        "http://",
        "http://127.0.0.1:99999",
        "ftp://127.0.0.1",
    ],
)
def test_a_wrong_host_is_a_fallback_too(host):
    assert write(BRIEF, Model(host, timeout=3)).fallback


def test_the_reason_names_the_time_that_was_given_not_what_was_left_of_it():
    with Ollama("nonsense", GOOD, delays=(0.5, None)) as ollama:
        assert "within 2 seconds" in write(BRIEF, Model(ollama.host, timeout=2)).warning


def test_the_timeout_holds_for_the_whole_answer():
    with Ollama(GOOD, delays=(None,)) as ollama:
        script = write(BRIEF, Model(ollama.host, timeout=1))
    assert script.fallback
    assert "1 seconds" in script.warning


def test_a_cancel_does_not_wait_for_the_model():
    class Cancelled(BaseException):
        pass

    def cancel(done, total):
        raise Cancelled

    with Ollama(GOOD, delays=(None,)) as ollama:
        with pytest.raises(Cancelled):
            write(BRIEF, Model(ollama.host, timeout=600), cancel)
        assert ollama.answered == 0


@pytest.mark.parametrize("tone", TONES)
@pytest.mark.parametrize("language", ["English", "de", "French", "español"])
def test_the_template_is_deterministic_readable_and_near_the_length(tone, language):
    brief = Brief("Octopuses", tone, seconds=20, language=language)
    one, two = (write(brief, Model("http://127.0.0.1:9")) for _ in range(2))
    assert one == two
    assert "Octopuses" in one.narration
    assert "Octopuses" in one.scene
    assert "{" not in one.narration + one.scene
    assert 0.7 * brief.words <= len(one.narration.split()) <= 1.15 * brief.words
    assert one.language == language


def test_a_template_that_is_too_short_says_so_and_a_long_topic_is_shortened():
    script = write(Brief("Bees", seconds=300), Model("http://127.0.0.1:9"))
    assert "It lasts about" in script.warning
    long = write(Brief("bee " * 3000, seconds=5), Model("http://127.0.0.1:9"))
    assert len(long.narration.split()) < 80


def test_a_language_without_template_is_said():
    script = write(Brief("Kissat", language="Finnish"), Model("http://127.0.0.1:9"))
    assert "Finnish" in script.warning
    assert script.language == "English"  # that of the words, which a voice goes by


def test_length_changes_the_template():
    short, long = (write(Brief("Bees", seconds=n), Model("http://127.0.0.1:9")).narration for n in (6, 60))
    assert len(long.split()) > 3 * len(short.split())


@pytest.mark.parametrize("topic", ["", "   ", "\n", "???"])
def test_an_empty_topic_is_refused(topic):
    with pytest.raises(ValueError, match="topic is empty"):
        write(Brief(topic), Model())


def test_a_narration_far_too_long_ends_with_a_sentence():
    text = " ".join(f"This is sentence number {i}." for i in range(60))
    cut = shorten(text, 50)
    assert 40 <= len(cut.split()) <= 63
    assert cut.endswith(".")
    assert text.startswith(cut)
    tricky = "Pi is 3.14, e.g. on example.com in the U.S.A. today. " * 20
    assert shorten(tricky, 30).startswith("Pi is 3.14, e.g. on example.com in the U.S.A. today.")
    assert len(shorten("天空是蓝色的，因为空气散射蓝光。" * 100, 20)) < 100
