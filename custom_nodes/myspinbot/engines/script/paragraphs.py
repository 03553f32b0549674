"""The script from a language model that only goes on with a text, as ComfyUI's text encoders do.

It is asked for two labelled paragraphs, which a small model keeps better than JSON. They are read leniently and
checked for length and language.
"""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass

from ..languages import base_of, code_of, could_be
from .answer import NARRATION, SCENE, Answer, ModelError, role, script_of, task
from .brief import Brief, Script, count_words

_FIRST = "NARRATION:"
_LABEL = r"^[\W\d_]*(?:{})\b[*_ \t]*(?:[:：\-–—][*_ \t]*|$)"
_NARRATION = re.compile(_LABEL.format("narration|narrator|speech|script"), re.IGNORECASE | re.MULTILINE)
_SCENE = re.compile(
    _LABEL.format("scene|szene|sc[eè]ne|escena|scena|cena|picture|image|visual|场景|場景|画面|장면|シーン|сцена"),
    re.IGNORECASE | re.MULTILINE,
)
_THOUGHT = re.compile(r"<think>.*?(</think>|$)", re.DOTALL)
_MARKUP = re.compile(r"<\|[^|<>]*\|>|</?think>")
_TOKENS_A_WORD, _TOKENS_A_SCENE = 4, 160
_SHORTEST = 0.4  # of the words asked for
_QUOTES = "\"'“”„‘’«»`* \t"


@dataclass(frozen=True, slots=True)
class Writer:
    """A model that writes.

    Attributes:
        name: As people know it.
        model: Its id in `models.yaml`.
        generate: Goes on with a text: the text, a seed and the most tokens -> what comes after it. Whatever it raises
            ends this writer's turn, unless it is a cancel.
    """

    name: str
    model: str
    generate: Callable[[str, int, int], Answer]


def ask(brief: Brief, writer: Writer, seed: int) -> tuple[Script, int]:
    """A script, and how many tokens were written for it.

    Raises:
        ModelError: The answer is of no use, or the model can't be run.
    """
    most = brief.words * _TOKENS_A_WORD + _TOKENS_A_SCENE
    try:
        answer = writer.generate(prompt(brief), seed, most)
    except Exception as error:  # a damaged file, too little memory: a pipeline must not end for want of a script
        told = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(f"{writer.name} can't be run: {told[0][:200]}") from error
    return read(answer.text, brief, whole=answer.tokens < most), answer.tokens


def prompt(brief: Brief) -> str:
    """The conversation as Qwen3 was trained on it, up to the first label of the answer; thinking is off."""
    system = (
        f"{role(brief)} Answer with two paragraphs. The first begins with `{_FIRST}` and holds {NARRATION}. The second "
        f"begins with `SCENE:` and holds, {SCENE}."
    )
    said = (("system", system), ("user", task(brief)))
    turns = "".join(f"<|im_start|>{who}\n{_MARKUP.sub(' ', text)}<|im_end|>\n" for who, text in said)
    return f"{turns}<|im_start|>assistant\n<think>\n\n</think>\n\n{_FIRST}"


def read(answer: str, brief: Brief, *, whole: bool = True) -> Script:
    """The script of an answer that goes on after the first label.

    Args:
        answer: With or without labels, in any of the ways in which models write them.
        brief: What was asked for.
        whole: False where it was cut off, so that its last sentence may lack its end.

    Raises:
        ModelError: It is too short, in another language, or no script.
    """
    text = _MARKUP.sub(" ", _THOUGHT.sub("", answer)).strip()
    spoken, scene = text, ""
    if label := _SCENE.search(text):
        before, after = text[: label.start()], text[label.end() :]
        # Some models put the picture first, and a label behind it.
        spoken, scene = (before, after) if re.search(r"\w", before) else _turned(after)
    spoken = _NARRATION.sub("", spoken)
    narration, scene = _plain(spoken), _plain(scene.strip().split("\n\n")[0])
    if not whole and not scene:
        narration = _to_last_end(narration)
    script = script_of(narration, scene, brief)
    if not could_be(script.narration, base_of(code_of(brief.language_or_english) or "")):
        raise ModelError(f"The model didn't write in {brief.language_or_english}.", again=True)
    if count_words(script.narration) < _SHORTEST * brief.words:
        raise ModelError("The model's narration was too short.", again=True)
    return script


def _turned(text: str) -> tuple[str, str]:
    label = _NARRATION.search(text)
    return (text[label.end() :], text[: label.start()]) if label else ("", text)


def _plain(text: str) -> str:
    """On one line, without quotes around it, stars and stage directions."""
    text = re.sub(r"\*\([^)]*\)\*|\*\*|__|\[[^\]\n]*\]", " ", text)
    return " ".join(html.unescape(text).encode("utf-8", "ignore").decode().split()).strip(_QUOTES)


def _to_last_end(text: str) -> str:
    """Up to the end of the last whole sentence, if there is one."""
    ends = list(re.finditer(r"[.!?。！？]", text))
    return text[: ends[-1].end()] if ends else text
