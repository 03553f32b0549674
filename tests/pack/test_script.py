"""Write Script's engine against a small HTTP server that speaks Ollama's API."""

import json
import time

import pytest
from myspinbot.engines.script.brief import TONES, Brief, fitted
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


@pytest.mark.parametrize("host", ["not a host", "http://", "http://127.0.0.1:99999", "ftp://127.0.0.1"])
def test_a_wrong_host_is_a_fallback_too(host):
    assert write(BRIEF, Model(host, timeout=3)).fallback


def test_the_timeout_holds_for_the_whole_answer():
    with Ollama(GOOD, delay=5) as ollama:
        started = time.monotonic()
        script = write(BRIEF, Model(ollama.host, timeout=1))
    assert time.monotonic() - started < 4
    assert script.fallback
    assert "1 seconds" in script.warning


def test_a_cancel_does_not_wait_for_the_model():
    class Cancelled(BaseException):
        pass

    def cancel(done, total):
        raise Cancelled

    with Ollama(GOOD, delay=10) as ollama:
        started = time.monotonic()
        with pytest.raises(Cancelled):
            write(BRIEF, Model(ollama.host), cancel)
    assert time.monotonic() - started < 5


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


def test_a_language_without_template_is_said():
    script = write(Brief("Kissat", language="Finnish"), Model("http://127.0.0.1:9"))
    assert "Finnish" in script.warning


def test_length_changes_the_template():
    short, long = (write(Brief("Bees", seconds=n), Model("http://127.0.0.1:9")).narration for n in (6, 60))
    assert len(long.split()) > 3 * len(short.split())


@pytest.mark.parametrize("topic", ["", "   ", "\n"])
def test_an_empty_topic_is_refused(topic):
    with pytest.raises(ValueError, match="topic is empty"):
        write(Brief(topic), Model())


def test_a_narration_far_too_long_ends_with_a_sentence():
    text = " ".join(f"This is sentence number {i}." for i in range(60))
    cut = fitted(text, 50)
    assert 40 <= len(cut.split()) <= 63
    assert cut.endswith(".")
    assert text.startswith(cut)
