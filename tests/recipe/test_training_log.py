"""What is read from fairseq-train's log, in whatever pieces it arrives."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairseq_sharing.recipe.training_log import TrainingLog

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
    assert (log.updates, log.valid_loss, log.parameters, log.updates_per_second) == (0,) + (
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
    assert (log.updates_per_second, log.tokens_per_second) == (5, 51)
    assert log.valid_losses == {24: 8.5}
