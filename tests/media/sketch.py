"""A small writer of SVG text: colours, smooth curves, gradients, blurs and clips, and nothing about faces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Point = tuple[float, float]


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def mix(first: str, second: str, share: float) -> str:
    """The colour ``share`` (0 to 1) of the way from ``first`` to ``second``, all as ``#rrggbb``."""
    pairs = zip(_channels(first), _channels(second), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def number(value: float) -> str:
    """``value`` with one decimal at most, as short as SVG allows."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def pair(x: float, y: float) -> str:
    """A point or a step as SVG text."""
    return f"{number(x)},{number(y)}"


def smooth(points: Sequence[Point], *, start: bool = True) -> str:
    """Path text of a Catmull-Rom curve through ``points``; without ``start`` it continues an open path."""
    path = [f"M{number(points[0][0])},{number(points[0][1])}" if start else ""]
    at = points[0] if not start else (round(points[0][0], 1), round(points[0][1], 1))
    last = len(points) - 1
    for i in range(last):
        a, b, c, d = points[max(i - 1, 0)], points[i], points[i + 1], points[min(i + 2, last)]
        stops = (
            (b[0] + (c[0] - a[0]) / 6, b[1] + (c[1] - a[1]) / 6),
            (c[0] - (d[0] - b[0]) / 6, c[1] - (d[1] - b[1]) / 6),
            c,
        )
        path.append("c" + " ".join(f"{number(x - at[0])},{number(y - at[1])}" for x, y in stops))
        # Relative steps are rounded; following the rounded pen keeps the error from growing.
        at = (at[0] + round(c[0] - at[0], 1), at[1] + round(c[1] - at[1], 1))
    return "".join(path)


def blend(first: Sequence[Point], second: Sequence[Point], share: float) -> list[Point]:
    """The curve ``share`` of the way between two curves with the same number of points."""
    pairs = zip(first, second, strict=True)
    return [(a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share) for a, b in pairs]


class Sketch:
    """Collects the definitions and the marks of one picture, in the order in which they are painted."""

    def __init__(self) -> None:
        self._defs: dict[str, str] = {}
        self._marks: list[str] = []

    def _define(self, body: str) -> str:
        """The id of a definition; ``{id}`` in ``body`` is replaced by it and equal bodies share one."""
        if body not in self._defs:
            self._defs[body] = f"d{len(self._defs)}"
        return self._defs[body]

    def linear(self, start: Point, end: Point, *stops: tuple[float, str, float]) -> str:
        """A linear gradient as a paint; each stop is (offset 0 to 1, colour, opacity)."""
        line = f'x1="{start[0]}" y1="{start[1]}" x2="{end[0]}" y2="{end[1]}"'
        body = f'<linearGradient id="{{id}}" gradientUnits="userSpaceOnUse" {line}>{_stops(stops)}'
        return f"url(#{self._define(body + '</linearGradient>')})"

    def radial(self, centre: Point, radius: float, *stops: tuple[float, str, float]) -> str:
        """A radial gradient as a paint; each stop is (offset 0 to 1, colour, opacity)."""
        circle = f'cx="{centre[0]}" cy="{centre[1]}" r="{radius}"'
        body = f'<radialGradient id="{{id}}" gradientUnits="userSpaceOnUse" {circle}>{_stops(stops)}'
        return f"url(#{self._define(body + '</radialGradient>')})"

    def blur(self, deviation: float) -> str:
        """The attribute that blurs an element by ``deviation`` units."""
        room = 'filterUnits="userSpaceOnUse" x="-1000" y="-1000" width="2000" height="2000"'
        body = (
            f'<filter id="{{id}}" {room} color-interpolation-filters="sRGB">'
            f'<feGaussianBlur stdDeviation="{deviation}"/></filter>'
        )
        return f'filter="url(#{self._define(body)})"'

    def clip(self, path: str) -> str:
        """The attribute that shows an element only inside ``path``."""
        return f'clip-path="url(#{self._define(f"""<clipPath id="{{id}}"><path d="{path}"/></clipPath>""")})"'

    def define(self, body: str) -> str:
        """The ``url(#...)`` of any other definition, whose own id is written ``{id}``."""
        return f"url(#{self._define(body)})"

    def open(self, attributes: str = "") -> None:
        """Start a group."""
        self._marks.append(f"<g {attributes}>")

    def close(self) -> None:
        """End the group started last."""
        self._marks.append("</g>")

    def path(
        self,
        d: str,
        fill: str = "none",
        *,
        opacity: float = 1,
        blur: float = 0,
        line: str = "",
        width: float = 1,
    ) -> None:
        """Paint path text ``d``: filled with ``fill``, outlined with the colour ``line``, or both."""
        stroke = f' stroke="{line}" stroke-width="{width}" stroke-linecap="round"' if line else ""
        self._marks.append(f'<path d="{d}" fill="{fill}"{stroke}{self._look(opacity, blur)}/>')

    def ellipse(
        self,
        at: Point,
        rx: float,
        ry: float,
        fill: str,
        *,
        opacity: float = 1,
        blur: float = 0,
        turn: float = 0,
    ) -> None:
        """Paint an ellipse, turned by ``turn`` degrees about its centre."""
        turned = f' transform="rotate({turn} {number(at[0])} {number(at[1])})"' if turn else ""
        where = f'cx="{number(at[0])}" cy="{number(at[1])}" rx="{number(rx)}" ry="{number(ry)}"'
        self._marks.append(f'<ellipse {where} fill="{fill}"{turned}{self._look(opacity, blur)}/>')

    def raw(self, mark: str) -> None:
        """Paint an element given as SVG text."""
        self._marks.append(mark)

    def _look(self, opacity: float, blur: float) -> str:
        faded = f' opacity="{round(opacity, 3)}"' if opacity < 1 else ""
        return faded + (f" {self.blur(blur)}" if blur else "")

    def text(self, width: int, height: int) -> str:
        """The whole picture as SVG text of ``width`` by ``height`` pixels."""
        size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        defs = "\n".join(body.replace("{id}", name) for body, name in self._defs.items())
        marks = "\n".join(self._marks)
        return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<defs>\n{defs}\n</defs>\n{marks}\n</svg>\n'


def _stops(stops: Iterable[tuple[float, str, float]]) -> str:
    return "".join(
        f'<stop offset="{offset}" stop-color="{colour}"' + (f' stop-opacity="{op}"' if op < 1 else "") + "/>"
        for offset, colour, op in stops
    )
