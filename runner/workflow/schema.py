"""Reads a node type's inputs out of the server's `/object_info`, in the order of the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

ObjectInfo = Mapping[str, Mapping[str, Any]]
DYNAMIC_COMBO = "COMFY_DYNAMICCOMBO_V3"
CONTROLS = {"INT": "number", "FLOAT": "number", "COMBO": "combo", DYNAMIC_COMBO: "combo"}
"""The control that the page draws for a type, where it isn't named as the type is."""
# The page adds widgets of its own to these node types.
AUDIO_PLAYERS = {
    "LoadAudio",
    "SaveAudio",
    "PreviewAudio",
    "SaveAudioMP3",
    "SaveAudioOpus",
    "SaveAudioAdvanced",
}
UPLOAD_FLAGS = ("image_upload", "video_upload", "animated_image_upload")


@dataclass(frozen=True)
class Spec:
    """One input: its type (`COMBO` for a list of choices) and its options, such as `default` or `min`."""

    name: str
    type: str
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    optional: bool = False

    @classmethod
    def read(cls, name: str, raw: Any, *, optional: bool = False) -> Spec:
        """Read `["INT", {...}]` or `[["a", "b"], {...}]`; anything malformed gives the type `UNKNOWN`."""
        kind = raw[0] if isinstance(raw, list) and raw else None
        options = raw[1] if isinstance(raw, list) and len(raw) > 1 and isinstance(raw[1], dict) else {}
        if isinstance(kind, list):
            return cls(name, "COMBO", {**options, "options": kind}, optional)
        return cls(name, kind if isinstance(kind, str) else "UNKNOWN", options, optional)

    def named(self, name: str, *, optional: bool | None = None) -> Spec:
        """The same input under another name."""
        return replace(self, name=name, optional=self.optional if optional is None else optional)

    @property
    def widget_type(self) -> str:
        """The type that chooses the widget; a node may ask for another than the socket's."""
        return str(self.options.get("widgetType") or self.type)

    @property
    def force_input(self) -> bool:
        """Whether the input is a socket even though its type has a widget."""
        return bool(self.options.get("forceInput"))

    @property
    def choices(self) -> list[Any]:
        """The values of a `COMBO`, or the keys of a dynamic one."""
        values = self.options.get("options")
        if not isinstance(values, list):
            return []
        if self.type == DYNAMIC_COMBO:
            return [option["key"] for option in values if isinstance(option, dict) and "key" in option]
        return values

    def has(self, *flags: str) -> bool:
        """Whether one of these options is set."""
        return any(self.options.get(flag) for flag in flags)


def group(raw: Any) -> Iterator[Spec]:
    """The inputs of a `{"required": {...}, "optional": {...}}` group."""
    for section in ("required", "optional"):
        inputs = raw.get(section) if isinstance(raw, dict) else None
        for name, value in (inputs or {}).items():
            yield Spec.read(name, value, optional=section == "optional")


def node_specs(node_type: str, info: Mapping[str, Any]) -> list[Spec]:
    """All inputs of a node type, in the page's order, with the widgets that the page adds itself."""
    specs = {spec.name: spec for spec in group(info.get("input"))}
    for extra in _page_widgets(node_type, specs):
        specs[extra.name] = extra
    ordered: dict[str, Spec] = {}
    order = info.get("input_order")
    for section in ("required", "optional"):
        for name in (order.get(section) or []) if isinstance(order, dict) else []:
            spec = specs.get(name)
            if spec and spec.optional == (section == "optional"):
                ordered[name] = spec
    # What the order doesn't name comes last, required before optional.
    rest = sorted(specs.values(), key=lambda spec: spec.optional)
    return list(ordered.values()) + [spec for spec in rest if spec.name not in ordered]


def _page_widgets(node_type: str, specs: Mapping[str, Spec]) -> Iterator[Spec]:
    if node_type in AUDIO_PLAYERS:
        yield Spec("audioUI", "AUDIO_UI")
    if node_type in ("SaveGLB", "Preview3D"):
        yield Spec("image", "PREVIEW_3D")
    if node_type == "Load3DAdvanced":
        yield Spec("viewport_state", "LOAD_3D_ADVANCED")
    required = [spec for spec in specs.values() if not spec.optional]
    if any(spec.name == "audio" and spec.has("audio_upload") for spec in required):
        yield Spec("upload", "AUDIOUPLOAD")
    upload = next((spec for spec in required if spec.type == "COMBO" and spec.has(*UPLOAD_FLAGS)), None)
    if upload:
        yield Spec("upload", "IMAGEUPLOAD", {**upload.options, "imageInputName": upload.name})
