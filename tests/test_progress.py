"""Long work says how far it is; short work says nothing."""

import pytest

from fairseq_sharing import progress


@pytest.mark.parametrize(("seconds", "lines"), [(30, 0), (-1, 3)])
def test_which_item_it_is(seconds, lines, monkeypatch, capsys):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", seconds)
    assert list(progress.in_turn("abc", "seeds")) == ["a", "b", "c"]
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [f"seeds: {n} of 3" for n in range(1, 4)][:lines]


@pytest.mark.parametrize(("seconds", "lines"), [(30, 0), (-1, 2)])
def test_how_many_items_there_were(seconds, lines, monkeypatch, capsys):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", seconds)
    assert sum(1 for _ in progress.counted(range(2500), "pairs of ui")) == 2500
    expected = ["prepare: 1,000 pairs of ui so far", "prepare: 2,000 pairs of ui so far"][:lines]
    assert capsys.readouterr().out.splitlines() == expected
