"""The grades' colours differ for everybody; the usual Korean ones do not."""

from __future__ import annotations

from itertools import combinations

import pytest

from city.grades import THEMES, Theme, load_standard, standard_keys
from tests.unit.colour_vision import VISIONS, ciede2000, contrast, distance, seen

#: Least CIEDE2000 between any two grades.
LEAST = {"normal": 25, "protan": 18, "deutan": 18, "tritan": 10}
#: Least CIEDE2000 between "a person is needed" and any grade.
LEAST_ATTENTION = 14
#: The colours of 좋음, 보통, 나쁨 and 매우나쁨 that Korean sites use.
USUAL = ("#32A1FF", "#00C73C", "#FDA60C", "#E64746")
#: What coloured text stands on.
PANEL = {"dark": "#14191E", "light": "#FFFFFF"}

each_theme = pytest.mark.parametrize("theme", THEMES)
each_standard = pytest.mark.parametrize("standard", standard_keys())


def fills(standard: str, theme: Theme) -> list[str]:
    scale = load_standard(standard).scales[0]
    return [band.colours[theme].fill for band in scale.bands]


def too_near(colours: tuple[str, ...] | list[str]) -> set[tuple[str, str, str]]:
    """Vision and pair, for each pair that this vision cannot tell apart."""
    return {
        (vision, one, other)
        for vision, least in LEAST.items()
        for one, other in combinations(colours, 2)
        if distance(one, other, vision) < least
    }


@each_standard
@each_theme
def test_everybody_tells_the_grades_apart(standard: str, theme: Theme) -> None:
    assert too_near(fills(standard, theme)) == set()


def test_the_usual_colours_fail() -> None:
    _, moderate, bad, very_bad = USUAL
    failures = too_near(USUAL)
    assert ("protan", moderate, bad) in failures
    assert ("deutan", moderate, very_bad) in failures
    assert distance(moderate, bad, "protan") == pytest.approx(2.4, abs=0.1)  # one colour


@each_standard
@each_theme
@pytest.mark.parametrize("vision", VISIONS)
def test_attention_is_no_grade(standard: str, theme: Theme, vision: str) -> None:
    attention = load_standard(standard).attention[theme]
    assert min(distance(attention, fill, vision) for fill in fills(standard, theme)) >= LEAST_ATTENTION


@each_standard
@each_theme
def test_text_can_be_read(standard: str, theme: Theme) -> None:
    for band in load_standard(standard).scales[0].bands:
        colours = band.colours[theme]
        assert contrast(colours.label, colours.fill) >= 4.5, band.key
        assert contrast(colours.ink, PANEL[theme]) >= 4.5, band.key
    assert contrast(load_standard(standard).attention[theme], PANEL[theme]) >= 4.5


@each_standard
def test_light_grades_survive_a_grey_print(standard: str) -> None:
    lightness = [seen(fill, "normal")[0] for fill in fills(standard, "light")]
    assert lightness == sorted(lightness, reverse=True)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [  # of the data set that Sharma et al. publish with their paper
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, 3.1571, -77.2803), (50.0, 0.0, -82.7485), 2.8615),
        ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
        ((50.0, 2.4900, -0.0010), (50.0, -2.4900, 0.0009), 7.1792),
        ((50.0, 2.5, 0.0), (50.0, 0.0, -2.5), 4.3065),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((63.0109, -31.0961, -5.8663), (62.8187, -29.7946, -4.0864), 1.2630),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_ciede2000_as_published(
    first: tuple[float, float, float], second: tuple[float, float, float], expected: float
) -> None:
    assert ciede2000(first, second) == pytest.approx(expected, abs=5e-5)
    assert ciede2000(second, first) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("grey", ["#000000", "#777777", "#FFFFFF"])
def test_grey_stays_grey(vision: str, grey: str) -> None:
    assert seen(grey, vision) == pytest.approx(seen(grey, "normal"), abs=0.01)
