import shutil
import subprocess
import sys
import time
from itertools import pairwise

import espeakng_loader
import numpy as np
import pytest

from myspinbot.engines.speech import espeak


def test_words_and_phonemes_lie_in_the_sound_in_order():
    speech = espeak.speak("Hello my friend. It is a blue day.")
    assert speech.sample_rate == 22050
    assert speech.samples.dtype == np.float32
    assert 0.1 < abs(speech.samples).max() <= 1
    timings = speech.timings
    assert [word.text for word in timings.words] == "Hello my friend It is a blue day".replace(",", "").split()
    for spans in (timings.words, timings.phonemes):
        assert all(0 <= a.start <= a.end <= b.start + 1e-6 for a, b in pairwise(spans))
        assert spans[-1].end <= timings.duration
    assert timings.duration == pytest.approx(len(speech.samples) / speech.sample_rate)


def test_the_pause_between_sentences_is_silent_and_has_no_phoneme():
    speech = espeak.speak("One. Two.")
    spans = speech.timings.phonemes
    gap = max(pairwise(spans), key=lambda pair: pair[1].start - pair[0].end)
    start, end = gap[0].end, gap[1].start
    assert end - start > 0.15
    quiet = speech.samples[int((start + 0.05) * 22050) : int((end - 0.05) * 22050)]
    assert np.abs(quiet).max() < 0.02


def test_the_same_text_gives_the_same_bytes_whatever_the_clock_says():
    def spoken() -> dict[str, np.ndarray]:
        voices = ("default", "f3", "whisper")
        return {voice: espeak.speak("Same again.", voice=voice, speed=1.2).samples for voice in voices}

    one = spoken()
    time.sleep(1.1)  # the library seeds its noise with the second
    two = spoken()
    for voice, samples in one.items():
        assert np.array_equal(samples, two[voice]), voice


def test_speed_and_pitch_are_heard():
    slow, plain, fast = (espeak.speak("A longer sentence to be read.", speed=speed) for speed in (0.6, 1.0, 2.0))
    assert slow.timings.duration > 1.3 * plain.timings.duration
    assert fast.timings.duration < 0.7 * plain.timings.duration
    assert _pitch(espeak.speak("ah", pitch=90)) > 1.3 * _pitch(espeak.speak("ah", pitch=10))


def _pitch(speech) -> float:
    """The fundamental in Hz, from the strongest autocorrelation of the loudest tenth of a second."""
    samples = np.convolve(speech.samples, np.ones(60) / 60, "same")  # the formants away
    middle = int(np.argmax(np.convolve(samples**2, np.ones(2205), "valid")))
    part = samples[middle : middle + 2205]
    lags = np.correlate(part, part, "full")[len(part) :]
    low, high = 22050 // 250, 22050 // 60
    return 22050 / (low + int(np.argmax(lags[low:high])))


def test_every_language_speaks():
    languages = espeak.languages()
    assert len(languages) > 100
    assert {"en-us", "en-gb", "de", "fr-fr", "cmn", "ar", "hi", "ja", "nb"} <= set(languages)
    for language in languages:
        assert espeak.speak("12 a", language=language).timings.phonemes, language


def test_positions_hold_with_characters_of_several_bytes():
    words = [word.text for word in espeak.speak("Grüße aus Köln, 😀 schön.", language="de").timings.words]
    assert words[:3] == ["Grüße", "aus", "Köln"]
    assert words[-1] == "schön"


def test_words_are_those_of_the_text_however_they_are_spoken():
    text = "A well-known e-mail: I don't know, it's 12,345.67 dollars (or so) by John's U.S. clock"
    words = [word.text for word in espeak.speak(text).timings.words]
    assert " ".join(words) == "A well-known e-mail I don't know it's 12,345.67 dollars or so by John's U.S clock"


@pytest.mark.parametrize("text", ["", "  \n\t", "..."])
def test_nothing_to_say_is_refused(text):
    with pytest.raises(ValueError, match="text"):
        espeak.speak(text)


def test_unknown_voices_are_refused_by_name():
    with pytest.raises(espeak.EspeakError, match="xx-nowhere"):
        espeak.speak("Hello", language="xx-nowhere")


def test_a_cancel_stops_in_the_middle_and_the_next_speech_is_whole():
    class Cancelled(BaseException):
        pass

    def cancel(done: int, total: int) -> None:
        assert 0 < done <= total
        if done > total / 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        espeak.speak("one two three four five six seven eight nine ten", on_step=cancel)
    assert len(espeak.speak("one two three").timings.words) == 3


def test_data_in_a_long_path_is_reached(tmp_path, monkeypatch):
    far = tmp_path / ("x" * 90) / ("y" * 90) / "espeak-ng-data"
    shutil.copytree(espeakng_loader.get_data_path(), far)
    monkeypatch.setattr(espeakng_loader, "get_data_path", lambda: str(far))
    assert len(espeak.speak("It works from far away.").timings.words) == 5


def test_the_library_itself_can_not_read_such_a_path(tmp_path):
    """The trap that `_reachable` is there for: when this fails, the workaround can go."""
    far = tmp_path / ("x" * 90) / ("y" * 90)
    shutil.copytree(espeakng_loader.get_data_path(), far / "espeak-ng-data")
    code = (
        "import ctypes, espeakng_loader\n"
        "library = ctypes.CDLL(espeakng_loader.get_library_path())\n"
        f"print(library.espeak_Initialize(2, 0, {str(far / 'espeak-ng-data')!r}.encode(), 0x8000))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() != "22050"
