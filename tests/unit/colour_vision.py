"""How far apart two colours are for people with and without a colour vision deficiency.

Deficiency by Machado, Oliveira and Fernandes (2009), severity 1, applied to linear RGB; distance by CIEDE2000 (Sharma,
Wu and Dalal 2005), D65; contrast by WCAG 2.2. Written down here so that no test leans on a library's choices.
"""

from __future__ import annotations

import math

Triple = tuple[float, float, float]
Matrix = tuple[Triple, Triple, Triple]

NORMAL: Matrix = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
#: Machado et al. 2009, table 1, severity 1.0.
VISIONS: dict[str, Matrix] = {
    "normal": NORMAL,
    "protan": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deutan": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritan": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}
#: Linear sRGB to XYZ (IEC 61966-2-1), and the white of D65.
XYZ: Matrix = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
WHITE: Triple = (0.95047, 1.0, 1.08883)


def linear(colour: str) -> Triple:
    """`#RRGGBB` as linear light, 0 to 1."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return _decoded(red), _decoded(green), _decoded(blue)


def _decoded(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def times(matrix: Matrix, vector: Triple) -> Triple:
    one, two, three = (sum(a * b for a, b in zip(row, vector, strict=True)) for row in matrix)
    return one, two, three


def seen(colour: str, vision: str) -> Triple:
    """The colour as CIELAB, as that vision sees it."""
    red, green, blue = (min(1.0, max(0.0, part)) for part in times(VISIONS[vision], linear(colour)))
    return lab(times(XYZ, (red, green, blue)))


def lab(xyz: Triple) -> Triple:
    x, y, z = (_root(part / white) for part, white in zip(xyz, WHITE, strict=True))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _root(ratio: float) -> float:
    return math.cbrt(ratio) if ratio > (6 / 29) ** 3 else ratio / (3 * (6 / 29) ** 2) + 4 / 29


def distance(one: str, other: str, vision: str = "normal") -> float:
    """CIEDE2000 between two colours as that vision sees them."""
    return ciede2000(seen(one, vision), seen(other, vision))


def ciede2000(first: Triple, second: Triple) -> float:
    """CIEDE2000 of two CIELAB colours (Sharma et al. 2005, equations 2 to 22), all weights 1."""
    mean_chroma = (math.hypot(*first[1:]) + math.hypot(*second[1:])) / 2
    stretch = 1 + 0.5 * (1 - math.sqrt(mean_chroma**7 / (mean_chroma**7 + 25**7)))
    (l1, c1, h1), (l2, c2, h2) = _polar(first, stretch), _polar(second, stretch)
    turn = _turn(h1, h2) if c1 * c2 else 0.0
    hue_step = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2))
    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    hue = h1 + turn / 2 if c1 * c2 else h1 + h2
    weight_l = 1 + 0.015 * (lightness - 50) ** 2 / math.sqrt(20 + (lightness - 50) ** 2)
    weight_c = 1 + 0.045 * chroma
    weight_h = 1 + 0.015 * chroma * _hue_factor(hue)
    term_l, term_c, term_h = (l2 - l1) / weight_l, (c2 - c1) / weight_c, hue_step / weight_h
    return math.sqrt(term_l**2 + term_c**2 + term_h**2 + _rotation(chroma, hue) * term_c * term_h)


def _polar(colour: Triple, stretch: float) -> Triple:
    lightness, a, b = colour
    return lightness, math.hypot(a * stretch, b), math.degrees(math.atan2(b, a * stretch)) % 360


def _turn(h1: float, h2: float) -> float:
    """The shorter way from one hue to the other, in degrees."""
    return (h2 - h1 + 180) % 360 - 180


def _hue_factor(hue: float) -> float:
    parts = ((-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.20, 4, -63))
    return 1 + sum(size * math.cos(math.radians(times * hue + shift)) for size, times, shift in parts)


def _rotation(chroma: float, hue: float) -> float:
    swing = 30 * math.exp(-((((hue % 360) - 275) / 25) ** 2))
    return -math.sin(math.radians(2 * swing)) * 2 * math.sqrt(chroma**7 / (chroma**7 + 25**7))


def contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2.2, 1 to 21."""
    dark, light = sorted(times(XYZ, linear(colour))[1] for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)
