"""Words that differ and axes that hold their values, for any text and any figures."""

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fairseq_sharing.report.charts import Chart, Point, Series
from fairseq_sharing.report.legend import LETTER, SAMPLE, legend
from fairseq_sharing.report.sentences import marked
from fairseq_sharing.report.svg import BOTTOM, LEFT, RIGHT, TOP, WIDTH, draw

TEXTS = st.lists(st.sampled_from("abcd"), max_size=12).map(" ".join)
VALUES = st.floats(0.001, 1e6)


@given(TEXTS, TEXTS)
def test_only_words_that_the_other_lacks_are_marked(one, other):
    sides = marked(one, other)
    assert ["".join(phrase for phrase, _ in side) for side in sides] == [one, other]
    shared = ["".join(phrase for phrase, own in side if not own).split() for side in sides]
    assert shared[0] == shared[1]


def test_texts_without_spaces_are_marked_by_characters():
    assert marked("狗打开了窗口", "狗打开了门") == (
        [("狗打开了", False), ("窗口", True)],
        [("狗打开了", False), ("门", True)],
    )


@given(st.lists(st.tuples(VALUES, VALUES, st.floats(0, 10)), min_size=1, max_size=20))
def test_every_point_is_in_the_plot(values):
    series = [Series(f"<{n}>", n, (Point(*value),)) for n, value in enumerate(values)]
    drawing = draw(Chart("title", "x", "y", tuple(series), lines=True))
    marks = drawing.partition("</g>\n<polyline")[2].split("<text")[0]
    places = [part.split(")")[0].split() for part in marks.split("translate(")[1:]]
    assert len(places) >= len(values)
    for x, y in places[: len(values)]:
        assert LEFT <= float(x) <= RIGHT
        assert TOP <= float(y) <= BOTTOM
    assert "<0>" not in drawing
    assert "&lt;0&gt;" in drawing


def test_numbers_beside_a_plot_have_the_same_decimals():
    points = tuple(Point(x, y) for x, y in ((10_000, 3.95), (50_000, 4.4)))
    drawing = draw(Chart("title", "x", "y", (Series("a", 0, points),), lines=True))
    numbers = re.findall(r">([\d,.]+)</text>", drawing)
    assert numbers == [
        "3.9", "4.0", "4.1", "4.2", "4.3", "4.4", "0", "10,000", "20,000", "30,000", "40,000",
        "50,000",
    ]  # fmt: skip


@given(st.lists(st.text("abc", min_size=1, max_size=60), min_size=1, max_size=20, unique=True))
def test_names_below_a_chart_stand_apart_and_inside(labels):
    series = tuple(Series(label, n, (Point(1, 1),)) for n, label in enumerate(labels))
    entries = legend(Chart("title", "x", "y", series, lines=False), WIDTH, 300)
    assert [entry.style for entry in entries] == list(range(len(labels)))
    for entry, after in pairwise(entries):
        assert after.y > entry.y or after.x + 1e-6 >= entry.x + SAMPLE + LETTER * len(entry.label)
    assert all(entry.x + SAMPLE + LETTER * len(entry.label) <= WIDTH for entry in entries)
    ends = [(label[:5], label[-5:]) for label in labels]
    assert [(entry.label[:5], entry.label[-5:]) for entry in entries] == ends
