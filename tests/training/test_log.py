"""What is read from fairseq-train's log, in whatever pieces it arrives, and kept for programs."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairseq_sharing.training.log import TrainingLog

STAMP = "2026-01-01 10:00:00 | INFO | "
LINES = [
    STAMP + "fairseq_cli.train | num. shared model params: 1,059,584 (num. trained: 1,059,584)",
    STAMP
    + 'train_inner | {"epoch": 1, "loss": "9.5", "wps": "40", "ups": "4", "num_updates": "10"}',
    STAMP
    + 'train_inner | {"epoch": 1, "loss": "9.2", "wps": "51", "ups": "5", "num_updates": "20"}',
    STAMP + 'valid | {"epoch": 1, "valid_loss": "8.5", "valid_num_updates": "24"}',
    "some warning with ö | train_inner | in it",
    STAMP
    + 'train_inner | {"epoch": 1, "loss": "8.5", "wps": "500", "ups": "50", "num_updates": "30"}',
]


def test_a_log_that_is_not_there_yet(tmp_path):
    log = TrainingLog(tmp_path / "log").refresh()
    assert (log.updates, log.valid_loss, log.parameters, log.updates_per_second()) == (0,) + (
        None,
    ) * 3


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 400), max_size=6))
def test_a_growing_log_is_read_once_in_any_pieces(tmp_path, sizes):
    content = "".join(line + "\n" for line in LINES).encode()
    path = tmp_path / "log"
    path.write_bytes(b"")
    log = TrainingLog(path)
    for size in [*sizes, len(content)]:
        with path.open("ab") as file:
            piece, content = content[:size], content[size:]
            file.write(piece)
        log.refresh()
    assert (log.updates, log.valid_loss, log.parameters) == (30, 8.5, 1059584)
    assert (log.updates_per_second(), log.tokens_per_second()) == (5, 51)
    assert log.valid_losses == {24: 8.5}


def inner(updates: int, loss: str) -> str:
    figures = {"epoch": 1, "update": 0.5, "loss": loss, "ups": "5", "num_updates": str(updates)}
    return f"{STAMP}train_inner | {json.dumps(figures)}\n"


def valid(updates: int, loss: str) -> str:
    return f'{STAMP}valid | {{"valid_loss": "{loss}", "valid_num_updates": "{updates}"}}\n'


def train_record(updates: int, loss: float | None) -> dict:
    return {"kind": "train", "updates": updates, "epoch": 1, "loss": loss, "ups": 5}


def test_updates_that_were_done_again_are_kept_once(tmp_path):
    """Killed after 30 updates, gone on with from 20, and killed again in the middle of a line."""
    path, records = tmp_path / "train.log", tmp_path / "train.jsonl"
    loaded = STAMP + "fairseq.trainer | Loaded checkpoint /a b/c.pt (epoch 1 @ 20 updates)\n"
    first = [inner(10, "9.5"), inner(20, "inf"), valid(20, "8.5"), inner(30, "8.0")]
    path.write_text(
        "".join([*first, valid(30, "8.0"), loaded, inner(30, "8.0")]) + inner(40, "7")[:60]
    )
    log = TrainingLog(path).refresh()
    expected = [
        train_record(10, 9.5),
        train_record(20, None),
        {"kind": "valid", "updates": 20, "loss": 8.5},
        train_record(30, 8.0),
    ]
    log.save_records(records)
    assert [json.loads(line) for line in records.read_text().splitlines()] == expected
    assert log.valid_losses == {20: 8.5}
    with path.open("a") as file:
        file.write(STAMP + "fairseq_cli.train | {'_name': None}\n" + loaded + inner(30, "8.0"))
    TrainingLog(path).refresh().save_records(records)
    assert [json.loads(line) for line in records.read_text().splitlines()] == expected
    with path.open("a") as file:
        file.write(
            STAMP + "fairseq.trainer | No existing checkpoint found x.pt\n" + inner(10, "9.5")
        )
    log.refresh().save_records(records)
    assert [json.loads(line) for line in records.read_text().splitlines()] == expected[:1]


def ended(tmp_path, *lines: str) -> TrainingLog:
    (tmp_path / "train.log").write_text("".join(lines))
    return TrainingLog(tmp_path / "train.log").refresh()


SAVED = (
    STAMP + "fairseq.checkpoint_utils | Saved checkpoint /a/c.pt (epoch 3 @ {} updates, score 8)\n"
)


@pytest.mark.parametrize(
    ("lines", "outcome"),
    [
        ([inner(90, "9.5"), valid(92, "8.5")], "stopped after 92 of 1,500 updates"),
        ([inner(50, "9.5"), SAVED.format(92)], "stopped after 92 of 1,500 updates"),
        ([inner(1500, "9.5"), valid(1500, "8.5")], None),
        ([inner(1400, "9.5"), SAVED.format(1500)], None),
        ([inner(100, "inf"), valid(1500, "8.5")], None),
        ([valid(100, "8.5"), valid(1500, "nan")], "diverged"),
        ([valid(92, "inf")], "diverged"),
        ([inner(1500, "inf")], "diverged"),
    ],
)
def test_what_became_of_a_training_is_what_was_recorded(tmp_path, lines, outcome):
    assert ended(tmp_path, *lines).outcome(1500) == outcome


def test_losses_and_speeds_that_are_no_numbers_are_left_out(tmp_path):
    endless = inner(20, "9").replace('"ups": "5"', '"ups": "inf"')
    log = ended(tmp_path, inner(10, "nan"), endless, valid(20, "8.5"), valid(30, "inf"))
    assert (log.valid_losses, log.valid_loss, log.updates_per_second()) == ({20: 8.5}, None, 5)


def test_updates_that_are_saved_and_lost_again_do_not_count(tmp_path):
    loaded = STAMP + "fairseq.trainer | Loaded checkpoint /c.pt (epoch 1 @ 20 updates)\n"
    log = ended(tmp_path, inner(20, "9"), inner(30, "9"), SAVED.format(30), loaded)
    assert log.updates == 20


def test_lines_that_were_written_into_each_other_are_passed_over(tmp_path):
    broken = STAMP + 'train_inner | {"epoch": 1, "lo| INFO | train_inner | "x"}\n'
    assert ended(tmp_path, broken, STAMP + "valid | {}\n", inner(10, "9")).updates == 10


def test_slow_updates_have_the_speed_of_their_words(tmp_path):
    """fairseq rounds updates a second to two decimals."""
    line = (
        STAMP + 'train_inner | {"wps": "6832", "wpb": "458752", "ups": "0.01", "num_updates": "1"}'
    )
    (tmp_path / "log").write_text(line + "\n")
    speed = TrainingLog(tmp_path / "log").refresh().updates_per_second()
    assert speed == pytest.approx(6832 / 458752)
