"""The words that a picture is learned with."""

TRIGGER = "{trigger}"


class CaptionError(ValueError):
    """A trigger word or template can't be used; the message says why."""


def checked_trigger(trigger: str) -> str:
    """The trigger with single spaces.

    Raises:
        CaptionError: It is empty, long, or has characters that prompts give a meaning to.
    """
    trigger = " ".join(trigger.split())
    if not trigger or len(trigger) > 60 or any(mark in trigger for mark in "(){}[]:,\\"):
        raise CaptionError(
            f"The trigger can't be {trigger!r}. Use a word or a few that are rare, such as `ohwx person`, "
            "without brackets, commas and colons."
        )
    return trigger


def caption(written: str, template: str, trigger: str) -> str:
    """What the user wrote about a picture, else the template; with the trigger in any case.

    Raises:
        CaptionError: The template has no place for the trigger.
    """
    if written:
        return written if trigger.casefold() in written.casefold() else f"{trigger}, {written}"
    if TRIGGER not in template:
        raise CaptionError(f"The caption {template!r} has no {TRIGGER} in it, which stands for the trigger word.")
    return " ".join(template.replace(TRIGGER, trigger).split())
