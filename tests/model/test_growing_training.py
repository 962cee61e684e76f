"""fairseq-train with depth that grows: exact until the step, over it, and when it is resumed."""

import re

import pytest
import torch
from support import PLUGIN, run
from training import (
    GROWING,
    GROWS_AFTER,
    TINY,
    largest_difference,
    losses,
    measured,
    saved,
    start,
    train,
)

from fairseq_sharing import SharedTransformerModel

STEP = GROWS_AFTER
NEVER = GROWING[:-2]
PLAIN = (*TINY, "--arch", "transformer_tiny", "--encoder-layers", 2, "--decoder-layers", 2)
RUNNING = "encoder.running_layers"


@pytest.fixture(scope="module")
def grown(copy_task, tmp_path_factory):
    """A training that grows after 2 of its 4 updates, each of them saved, and what it printed."""
    folder = tmp_path_factory.mktemp("grown")
    return folder, train(copy_task, folder, *GROWING, "--dropout", 0.1).stdout


def running(checkpoint: dict) -> list[float]:
    return checkpoint["model"][RUNNING].tolist()


def test_the_log_says_when_depth_changes_and_checkpoints_hold_it(grown):
    folder, printed = grown
    (line,) = re.findall(r"depth after update .*", printed)
    assert line == "depth after update 2: encoder 2 -> 4 of 4 layers; decoder 2 -> 4 of 4 layers"
    assert "parameters counted once; depth grows at 2" in printed
    assert printed.index("num_updates=2,") < printed.index(line) < printed.index("num_updates=3,")
    assert running(saved(folder, STEP)) == [1, 0, 1, 0]
    assert running(saved(folder, STEP + 1)) == [1, 1, 1, 1]


@pytest.mark.slow
def test_until_the_step_it_is_the_plain_training_bit_for_bit(copy_task, grown, tmp_path):
    folder, printed = grown
    plain = train(copy_task, tmp_path, *PLAIN, "--dropout", 0.1, updates=STEP).stdout
    assert losses(plain).items() <= losses(printed).items()
    theirs, ours = saved(tmp_path, STEP), saved(folder, STEP)
    assert measured(ours) == measured(theirs)
    for name, value in theirs["model"].items():
        own = name.replace("layers.1", "layers.2")  # the first of the second unique layer
        if "decoder.embed_tokens" not in own and "output_projection" not in own:
            assert torch.equal(ours["model"][own], value), name
    moments = [state["last_optimizer_state"]["state"] for state in (ours, theirs)]
    for one, other in zip(*(state.values() for state in moments), strict=True):
        assert torch.equal(one["exp_avg_sq"], other["exp_avg_sq"])


@pytest.mark.slow
@pytest.mark.parametrize("stopped", [STEP - 1, STEP, STEP + 1])
def test_resumed_before_at_and_after_the_step(copy_task, grown, tmp_path, stopped):
    folder, printed = grown
    options = (*GROWING, "--dropout", 0.1)
    train(copy_task, tmp_path, *options, updates=stopped)
    resumed = train(copy_task, tmp_path, *options).stdout
    assert set(losses(resumed)) == set(range(stopped + 1, 5))
    assert losses(resumed).items() <= losses(printed).items()
    assert ("depth after update 2" in resumed) == (stopped <= STEP)
    for update in range(stopped + 1, 5):
        assert measured(saved(tmp_path, update)) == measured(saved(folder, update))
        assert largest_difference(saved(tmp_path, update), saved(folder, update)) == 0


@pytest.mark.slow
@pytest.mark.parametrize("saved_at", [12, 16, 20])
def test_killed_in_an_epoch_with_shuffling(copy_task, tmp_path, saved_at):
    """The step comes after update 16: killed before it, at it and after it."""
    options = (
        *(*GROWING, "--grow-depth-at", 16, "--dropout", 0.1, "--curriculum", 0),
        *("--batch-size", 64, "--save-interval-updates", 4),
    )
    whole = train(copy_task, tmp_path / "whole", *options, updates=24).stdout
    killed = start(copy_task, tmp_path / "killed", *options, updates=24)
    for line in killed.stdout:
        if f"num_updates={saved_at + 2}," in line:
            killed.kill()
            break
    assert killed.wait() == -9
    resumed = train(copy_task, tmp_path / "killed", *options, updates=24).stdout
    assert set(losses(resumed)) == set(range(saved_at + 1, 25))
    assert losses(resumed).items() <= losses(whole).items()
    ours, theirs = saved(tmp_path / "killed"), saved(tmp_path / "whole")
    assert measured(ours) == measured(theirs)
    assert largest_difference(ours, theirs) == 0


@pytest.mark.slow
def test_resumed_with_another_schedule_the_log_says_what_follows(copy_task, grown, tmp_path):
    last = grown[0] / "checkpoint_last.pt"
    later = (*GROWING, "--grow-depth-at", 5, "--restore-file", last)
    printed = train(copy_task, tmp_path / "later", *later, updates=6).stdout
    assert "depth after update 4: encoder 4 -> 2 of 4 layers" in printed
    assert "depth after update 5: encoder 2 -> 4 of 4 layers" in printed
    shallow = ("--restore-file", grown[0] / f"checkpoint_1_{STEP}.pt")
    printed = train(copy_task, tmp_path / "never", *NEVER, *shallow, updates=3).stdout
    assert "trained with 2 of the encoder's 4 layers; without --grow-depth-at all" in printed


@pytest.mark.slow
@pytest.mark.parametrize("update", [STEP, STEP + 1])
def test_checkpoints_decode_and_validate_at_the_depth_they_were_trained_at(
    copy_task, grown, tmp_path, update
):
    path = next(grown[0].glob(f"checkpoint_*_{update}.pt"))
    plain = tmp_path / "plain.pt"
    run("fairseq-sharing", "checkpoint", "unroll", path, "--output", plain)
    layers = {name.split(".")[2] for name in torch.load(plain)["model"] if ".layers." in name}
    assert layers == set("0123"[: 2 if update == STEP else 4])
    common = (copy_task / "bin", "--user-dir", PLUGIN, "--cpu", "--batch-size", 16, "--path")
    for command, pattern in (
        ("fairseq-validate", r"valid on .* loss [\d.]+"),
        ("fairseq-generate", r"(?m)^[HP]-\d+\t.*"),
    ):
        found = [re.findall(pattern, run(command, *common, one).stdout) for one in (path, plain)]
        assert found[0] == found[1]
        assert found[0]
    loaded = SharedTransformerModel.from_pretrained(
        str(path.parent), path.name, str(copy_task / "bin")
    ).models[0]
    assert loaded.growth.depths["encoder"] == (2 if update == STEP else 4)
