"""Streams end with one line where a process that they need does not do its part."""

import gc
import os
import signal

import pytest

from fairseq_sharing import SharingError
from fairseq_sharing.corpus.streams import in_processes, sorted_lines


@pytest.fixture
def within_20_seconds():
    """A test that hangs fails."""

    def end(signum, frame):
        raise TimeoutError

    previous = signal.signal(signal.SIGALRM, end)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, previous)


@pytest.mark.parametrize("failing", [0, 1])
def test_a_sort_that_fails_does_not_leave_the_other_waiting(tmp_path, failing, within_20_seconds):
    commands = [["--stable", "--key=1,1"], ["--key=2,2"]]
    commands[failing] = ["--key=0"]
    lines = (f"{number} {number}\n" for number in range(200_000))
    with pytest.raises(SharingError, match=rf"cannot sort in {tmp_path}: .*(number|zero)"):
        list(sorted_lines(lines, tmp_path, *commands))


def test_lines_go_through_each_sort(tmp_path):
    lines = ["b 1\n", "a 3\n", "c 2\n", "a 0\n"]
    commands = ["--stable", "--unique", "--key=1,1"], ["--key=2,2"]
    assert list(sorted_lines(lines, tmp_path, *commands)) == ["b 1\n", "c 2\n", "a 3\n"]


def test_a_process_that_is_killed_is_one_line(within_20_seconds):
    def make():
        return lambda batch: os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(SharingError, match=r"^one of \d+ processes .* was killed, .* memory"):
        list(in_processes(make, range(20_000)))


class OfTheParent:
    """Ends any process that destroys it, but for the one that made it."""

    def __init__(self) -> None:
        self.cycle, self.owner = self, os.getpid()

    def __del__(self) -> None:
        if os.getpid() != self.owner:
            os.abort()


def _collect_garbage(numbers: list[int]) -> int:
    gc.collect()
    return sum(numbers)


def test_objects_of_the_parent_are_not_destroyed_in_its_processes():
    gc.disable()
    try:
        OfTheParent()
        assert sum(in_processes(lambda: _collect_garbage, range(20_000))) == sum(range(20_000))
    finally:
        gc.enable()
