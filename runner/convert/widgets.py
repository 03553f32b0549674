"""The widgets of a node: what the page shows, keeps in the file and puts into the API form."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .specs import Spec

if TYPE_CHECKING:
    from .nodes import Node


class _Absent:
    """The value of a widget that has none; unlike null it doesn't appear in the API form."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()
TEXT_AREAS = ("customtext", "MARKDOWN")
SHOWN_AS = {"INT": "number", "FLOAT": "number", "COMBO": "combo", "COMFY_DYNAMICCOMBO_V3": "combo"}
# Their values exist only in a browser: a camera, a microphone, a rendered scene.
LIVE_TYPES = {
    "WEBCAM": "the camera",
    "AUDIO_RECORD": "the microphone",
    "LOAD_3D": "the 3D view",
    "LOAD_3D_ADVANCED": "the 3D view",
}


@dataclass(eq=False)
class Widget:
    """One widget. `saved`: it has a place in the file's `widgets_values`. `sent`: it is in the API form."""

    name: str
    kind: str
    stored: Any = ABSENT
    saved: bool = True
    sent: bool = True
    spec: Spec | None = None
    choices: list[Any] | None = None
    limits: dict[str, float] = field(default_factory=dict[str, float])
    compute: Callable[[], Any] | None = None
    on_set: Callable[[Any], None] | None = None

    @property
    def value(self) -> Any:
        """The present value, `ABSENT` when there is none."""
        if self.compute:
            return self.compute()
        if self.stored is None and self.kind in TEXT_AREAS:
            return ""
        return self.stored

    @value.setter
    def value(self, value: Any) -> None:
        if self.compute:
            return
        self.stored = value
        if self.on_set:
            self.on_set(value)

    @property
    def shown_as(self) -> str:
        """The sort of control that the page draws; two widgets that share it can stand in for each other."""
        return SHOWN_AS.get(self.kind, self.kind)

    def settle(self) -> None:
        """Round the value as the page does when one node writes into another's widget."""
        value, spec = self.value, self.spec
        value = 0 if value is None else value  # so does the page's arithmetic
        if isinstance(value, bool) or not isinstance(value, int | float) or spec is None:
            return
        if self.kind == "INT":
            self.stored = round_to_step(value, spec)
        elif self.kind == "FLOAT":
            self.stored = round_to_precision(value, self.limits)


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


def make_widgets(node: Node, spec: Spec) -> Widget | None:
    """Append the widgets of an input to the node; the first of them, or None where there is no widget."""
    if spec.force_input:
        return None
    maker = MAKERS.get(spec.widget_type)
    return maker(node, spec) if maker else None


def has_widget(kind: str) -> bool:
    """Whether inputs of this type are shown as widgets."""
    return kind in MAKERS


def _add(node: Node, spec: Spec, default: Any, **options: Any) -> Widget:
    widget = Widget(spec.name, spec.widget_type, default, spec=spec, **options)
    node.widgets.append(widget)
    return widget


def _default(spec: Spec, otherwise: Any) -> Any:
    value = spec.options.get("default")
    return otherwise if value is None else value


def _control(node: Node, spec: Spec, *, filtered: bool = False) -> None:
    node.widgets.append(Widget("control_after_generate", "control", "randomize", sent=False))
    if filtered:
        node.widgets.append(Widget("control_filter_list", "control", "", sent=False))


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


def _int(node: Node, spec: Spec) -> Widget:
    widget = _add(node, spec, _default(spec, 0), limits=number_limits(spec))
    control = spec.options.get("control_after_generate")
    if spec.name in ("seed", "noise_seed") if control is None else control:
        _control(node, spec)
    return widget


def _float(node: Node, spec: Spec) -> Widget:
    widget = _add(node, spec, _default(spec, 0), limits=number_limits(spec))
    if spec.options.get("control_after_generate"):
        _control(node, spec)
    return widget


def _boolean(node: Node, spec: Spec) -> Widget:
    return _add(node, spec, _default(spec, False))


def _string(node: Node, spec: Spec) -> Widget:
    widget = _add(node, spec, _default(spec, ""))
    if spec.options.get("multiline"):
        widget.kind = "customtext"
    return widget


def _markdown(node: Node, spec: Spec) -> Widget:
    return _add(node, spec, _default(spec, ""))


def _combo(node: Node, spec: Spec) -> Widget:
    remote = isinstance(spec.options.get("remote"), dict)
    many = bool(spec.options.get("multi_select"))
    first = spec.choices[0] if spec.choices else ("Loading..." if remote else ABSENT)
    widget = _add(node, spec, [] if many else spec.options.get("default") or first, choices=spec.choices)
    if remote and not many:
        node.widgets.append(Widget("Auto-refresh after generation", "toggle", False, sent=False))
        if spec.options["remote"].get("refresh_button"):
            node.widgets.append(Widget("refresh", "button", "refresh"))
    if spec.options.get("control_after_generate"):
        _control(node, spec, filtered=not many)
    return widget


def _dynamic_combo(node: Node, spec: Spec) -> Widget:
    from .dynamic import choose

    widget = _add(node, spec, ABSENT, choices=spec.choices)
    widget.on_set = lambda value: choose(node, widget, value)
    widget.value = spec.choices[0] if spec.choices else ABSENT
    return widget


def _bounding_box(node: Node, spec: Spec) -> Widget:
    box = _default(spec, {"x": 0, "y": 0, "width": 512, "height": 512})
    widget = _add(node, spec, dict(box))
    for side in ("x", "y", "width", "height"):
        node.widgets.append(Widget(side, "number", box.get(side, 0), sent=False))
    return widget


def _color(node: Node, spec: Spec) -> Widget:
    found = next((widget for widget in node.widgets if (widget.name, widget.kind) == (spec.name, "COLOR")), None)
    return found or _add(node, spec, _default(spec, "#000000"))


def _curve(node: Node, spec: Spec) -> Widget:
    return _add(node, spec, _default(spec, {"points": [[0, 0], [1, 1]], "interpolation": "monotone_cubic"}))


def _plain(default: Any, **options: Any) -> Callable[[Node, Spec], Widget]:
    def make(node: Node, spec: Spec) -> Widget:
        return _add(node, spec, _default(spec, default), **options)

    return make


def _button(default: Any) -> Callable[[Node, Spec], Widget]:
    def make(node: Node, spec: Spec) -> Widget:
        return _add(node, spec, default, sent=False)

    return make


def _live(node: Node, spec: Spec) -> Widget:
    return _add(node, spec, "")


MAKERS: dict[str, Callable[[Node, Spec], Widget]] = {
    "INT": _int,
    "FLOAT": _float,
    "BOOLEAN": _boolean,
    "STRING": _string,
    "MARKDOWN": _markdown,
    "COMBO": _combo,
    "COMFY_DYNAMICCOMBO_V3": _dynamic_combo,
    "IMAGEUPLOAD": _button("image"),
    "AUDIOUPLOAD": _button(""),
    "AUDIO_UI": _plain("", saved=False, sent=False),
    "COLOR": _color,
    "IMAGECOMPARE": _plain(["", ""], saved=False),
    "BOUNDING_BOX": _bounding_box,
    "BOUNDING_BOXES": _plain([]),
    "COLORS": _plain([]),
    "CHART": _plain({}),
    "GALLERIA": _plain([]),
    "PAINTER": _plain(""),
    "TEXTAREA": _plain(""),
    "PREVIEW_3D": _plain(""),
    "CURVE": _curve,
    "RANGE": _plain({"min": 0.0, "max": 1.0}),
    **dict.fromkeys(LIVE_TYPES, _live),
}
