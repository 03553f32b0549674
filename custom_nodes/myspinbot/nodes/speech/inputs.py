"""What the speaking nodes take and give alike."""

from comfy_api.latest import io

SCRIPT_LANGUAGE = io.String.Input(
    "script_language",
    display_name="Script language",
    optional=True,
    force_input=True,
    tooltip="The language of the text, from Write Script.",
)
SPEED = io.Float.Input(
    "speed",
    default=1.0,
    min=0.5,
    max=2.5,
    step=0.05,
    tooltip="How fast the speech is: 1 is the voice's own pace, and greater is faster.",
)
LOUDNESS = io.Float.Input(
    "loudness",
    default=-16.0,
    min=-40.0,
    max=-12.0,
    step=0.5,
    tooltip="Loudness of the speech in LUFS: -16 for the web, -23 for television.",
)
TIMINGS = io.String.Output("timings", tooltip="When each word and each phoneme is heard, as JSON, in seconds.")
