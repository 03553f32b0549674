"""The widgets that the page makes for an input, and how it rounds their numbers."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

from .model import ABSENT, Widget
from .schema import DYNAMIC_COMBO, Spec

# Their values exist only in a browser: a camera, a microphone, a rendered scene.
LIVE_TYPES = {
    "WEBCAM": "the camera",
    "AUDIO_RECORD": "the microphone",
    "LOAD_3D": "the 3D view",
    "LOAD_3D_ADVANCED": "the 3D view",
}


def has_widget(kind: str) -> bool:
    """Whether inputs of this type are shown as widgets."""
    return kind in MAKERS


def make_widgets(spec: Spec) -> list[Widget]:
    """The widgets of an input, its own first; none where the input is only a socket."""
    maker = None if spec.force_input else MAKERS.get(spec.widget_type)
    return maker(spec) if maker else []


def settle(widget: Widget) -> None:
    """Round a widget's value as the page does when one node writes into another's widget."""
    value, spec = widget.value, widget.spec
    value = 0 if value is None else value  # so does the page's arithmetic
    if isinstance(value, bool) or not isinstance(value, int | float) or spec is None:
        return
    if widget.kind == "INT":
        widget.stored = round_to_step(value, spec)
    elif widget.kind == "FLOAT":
        widget.stored = round_to_precision(value, widget.limits)


def js_round(value: float) -> int:
    """Round half up, which is JavaScript's way; Python rounds half to even."""
    return math.floor(value + 0.5)


def round_to_step(value: float, spec: Spec) -> float:
    """The nearest whole step, counted from the minimum."""
    step = spec.options.get("step") or 1
    if step == 1:
        return js_round(value)
    offset = math.fmod(spec.options.get("min") or 0, step)
    return js_round((value - offset) / step) * step + offset


def round_to_precision(value: float, limits: dict[str, float]) -> float:
    """Round to the widget's decimals, and stay in its range."""
    unit = limits.get("round")
    if not unit:
        return value
    rounded = round(js_round(value / unit) * unit, int(limits["precision"]))
    return min(max(rounded, limits["min"]), limits["max"])


def number_limits(spec: Spec) -> dict[str, float]:
    """Range, step and rounding of an `INT` or `FLOAT`, with the page's defaults."""
    options = spec.options
    step = options.get("step") or (1 if spec.type == "INT" else 0.5)
    limits = {"min": options.get("min", 0), "max": options.get("max", 2048), "step": step}
    if spec.type == "INT":
        return limits
    precision = max(0, -math.floor(math.log10(step))) if step > 0 else 0
    unit = options.get("round") or (10.0**-precision if precision else 0)
    return limits | {"round": unit, "precision": precision}


def _widget(spec: Spec, default: Any, **options: Any) -> Widget:
    return Widget(spec.name, spec.widget_type, default, spec=spec, **options)


def _default(spec: Spec, otherwise: Any) -> Any:
    value = spec.options.get("default")
    return otherwise if value is None else value


def _control(*, filtered: bool = False) -> list[Widget]:
    control = [Widget("control_after_generate", "control", "randomize", sent=False)]
    return [*control, Widget("control_filter_list", "control", "", sent=False)] if filtered else control


def _int(spec: Spec) -> list[Widget]:
    widget = _widget(spec, _default(spec, 0), limits=number_limits(spec))
    control = spec.options.get("control_after_generate")
    controlled = spec.name in ("seed", "noise_seed") if control is None else control
    return [widget, *_control()] if controlled else [widget]


def _float(spec: Spec) -> list[Widget]:
    widget = _widget(spec, _default(spec, 0), limits=number_limits(spec))
    return [widget, *_control()] if spec.options.get("control_after_generate") else [widget]


def _string(spec: Spec) -> list[Widget]:
    widget = _widget(spec, _default(spec, ""))
    if spec.options.get("multiline"):
        widget.kind = "customtext"
    return [widget]


def _combo(spec: Spec) -> list[Widget]:
    remote = isinstance(spec.options.get("remote"), dict)
    many = bool(spec.options.get("multi_select"))
    first = spec.choices[0] if spec.choices else ("Loading..." if remote else ABSENT)
    made = [_widget(spec, [] if many else spec.options.get("default") or first, choices=spec.choices)]
    if remote and not many:
        made.append(Widget("Auto-refresh after generation", "toggle", False, sent=False))
        if spec.options["remote"].get("refresh_button"):
            made.append(Widget("refresh", "button", "refresh"))
    if spec.options.get("control_after_generate"):
        made += _control(filtered=not many)
    return made


def _dynamic_combo(spec: Spec) -> list[Widget]:
    # `build` chooses the first option, which adds inputs to the node.
    return [_widget(spec, ABSENT, choices=spec.choices)]


def _bounding_box(spec: Spec) -> list[Widget]:
    box = _default(spec, {"x": 0, "y": 0, "width": 512, "height": 512})
    sides = [Widget(side, "number", box.get(side, 0), sent=False) for side in ("x", "y", "width", "height")]
    return [_widget(spec, dict(box)), *sides]


def _plain(default: Any, **options: Any) -> Callable[[Spec], list[Widget]]:
    return lambda spec: [_widget(spec, _default(spec, copy.deepcopy(default)), **options)]


def _fixed(default: Any, **options: Any) -> Callable[[Spec], list[Widget]]:
    return lambda spec: [_widget(spec, default, **options)]


MAKERS: dict[str, Callable[[Spec], list[Widget]]] = {
    "INT": _int,
    "FLOAT": _float,
    "BOOLEAN": _plain(False),
    "STRING": _string,
    "MARKDOWN": _plain(""),
    "COMBO": _combo,
    DYNAMIC_COMBO: _dynamic_combo,
    "IMAGEUPLOAD": _fixed("image", sent=False),
    "AUDIOUPLOAD": _fixed("", sent=False),
    "AUDIO_UI": _plain("", saved=False, sent=False),
    "COLOR": _plain("#000000"),
    "IMAGECOMPARE": _plain(["", ""], saved=False),
    "BOUNDING_BOX": _bounding_box,
    "BOUNDING_BOXES": _plain([]),
    "COLORS": _plain([]),
    "CHART": _plain({}),
    "GALLERIA": _plain([]),
    "PAINTER": _plain(""),
    "TEXTAREA": _plain(""),
    "PREVIEW_3D": _plain(""),
    "CURVE": _plain({"points": [[0, 0], [1, 1]], "interpolation": "monotone_cubic"}),
    "RANGE": _plain({"min": 0.0, "max": 1.0}),
    **dict.fromkeys(LIVE_TYPES, _fixed("")),
}
