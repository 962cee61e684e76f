"""Long work says how far it is, short work says nothing."""

from fairseq_sharing.corpus import progress


def test_a_line_now_and_then(monkeypatch, capsys):
    assert list(progress.counted(range(5000), "lines")) == list(range(5000))
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", -1)
    assert list(progress.counted(range(2500), "lines of train.en")) == list(range(2500))
    assert capsys.readouterr().out.splitlines() == [
        "prepare: 1,000 lines of train.en so far",
        "prepare: 2,000 lines of train.en so far",
    ]
