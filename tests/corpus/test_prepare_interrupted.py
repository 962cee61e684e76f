"""A preparation that was stopped anywhere, or had no room, resumes to the same bytes."""

import resource
import signal
import time
from itertools import pairwise
from random import Random

import pytest
from planted_wmt import STEPS, contents, finished, plant, started, write_experiment


@pytest.mark.slow
def test_a_disk_that_fills(tmp_path, tiny_text):
    wmt = write_experiment(tmp_path, tiny_text)
    plant(tmp_path, 2000)
    runs = tmp_path / "runs"
    for limit in (1_000, 60_000, 100_000):

        def limited(size: int = limit) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

        status, output = finished(wmt, runs, preexec_fn=limited)
        *_, error = output.splitlines()
        assert status == 2
        assert error.startswith("fairseq-sharing: error: ")
        assert "File too large" in error
        assert "run the same command to resume" in error
        assert "Traceback" not in output
        assert not list(runs.rglob("*/*.part"))
    assert finished(wmt, runs)[0] == 0
    assert finished(wmt, tmp_path / "undisturbed")[0] == 0
    assert contents(runs / "wmt") == contents(tmp_path / "undisturbed/wmt")


@pytest.mark.slow
def test_killed_in_every_step_it_ends_with_the_same_bytes(tmp_path, tiny_text, capsys):
    wmt = write_experiment(tmp_path, tiny_text)
    plant(tmp_path, 4_000)
    folder = tmp_path / "runs" / "wmt"
    undisturbed = started(wmt, tmp_path / "undisturbed")
    begun = [time.monotonic() for _ in undisturbed.stdout]
    assert undisturbed.wait() == 0
    lengths = [end - begin for begin, end in pairwise(begun)]
    draw, summary = Random(1), []
    for step, length in zip(STEPS, lengths, strict=True):
        process, delay = started(wmt, folder.parent), None
        for line in process.stdout:
            if line.startswith(f"prepare: {step} ("):
                delay = draw.uniform(0, length)
                time.sleep(delay)
                break
        alive = process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        parts = sorted(path.name for path in folder.rglob("*.part"))
        when = "was done before" if delay is None else f"{delay:.2f} of {length:.2f} s into it"
        summary.append(f"{step}: {when}, {'alive' if alive else 'ended'}, in part: {parts}")
    while (again := finished(wmt, folder.parent))[0] != 0:
        assert "another run is at work" in again[1], again[1]
        time.sleep(0.5)
    with capsys.disabled():
        print("", *(f"killed in {line}" for line in summary), f"then: {again[1]}", sep="\n")
    assert contents(folder) == contents(tmp_path / "undisturbed/wmt")
    manifests = [f / "corpus/manifest.json" for f in (folder, tmp_path / "undisturbed/wmt")]
    assert manifests[0].read_text() == manifests[1].read_text()
