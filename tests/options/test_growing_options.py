"""--grow-depth-at with fairseq's other options: right before a step, across it, or refused."""

import pytest
import torch
from growing import growing, plain_of
from searches import SEARCHES, assert_same, translate
from support import batch, sharing_options, tiny_model
from training import (
    GROWING,
    GROWS_AFTER,
    largest_difference,
    measured,
    saved,
    train,
    train_by_hydra,
)
from verdicts import REFUSED, WORKS, verdict

from fairseq_sharing import SharingError

WITH = "--grow-depth-at with"
RUNNING = "encoder.running_layers"
REASONS = {
    f"{WITH} --residual-scaling admin": ({"residual_scaling": "admin"}, "cannot go with"),
    f"{WITH} --own": ({"own": "norms"}, "would be untrained"),
    f"{WITH} --encoder-layerdrop": ({"encoder_layerdrop": 0.1}, "how many layers run"),
    f"{WITH} --decoder-layerdrop": ({"decoder_layerdrop": 0.1}, "how many layers run"),
}
HALF = {
    f"{WITH} --fp16 --fp16-no-flatten-grads": ("--fp16", "--fp16-no-flatten-grads"),
    f"{WITH} --memory-efficient-fp16": ("--memory-efficient-fp16",),
}
EQUAL = {
    f"{WITH} --update-freq": ("--batch-size", 8, "--update-freq", 2),
    f"{WITH} --checkpoint-activations": ("--checkpoint-activations",),
    f"{WITH} --no-cross-attention-reuse": ("--no-cross-attention-reuse",),
}


@pytest.mark.parametrize("option", verdict(REFUSED, REASONS))
def test_refused(option):
    options, reason = REASONS[option]
    with pytest.raises(SharingError, match=f"{option.split()[-1]}.*{reason}|{reason}.*admin"):
        tiny_model(grow_depth_at="2", **sharing_options("cycle"), **options)


@pytest.mark.parametrize("option", verdict(WORKS, [f"{WITH} --share-sublayers"]))
def test_layers_with_every_sublayer_in_common_are_stacked(option):
    options = {**sharing_options("sequence"), "share_sublayers": "attention,ffn"}
    model = tiny_model(**options, grow_depth_at="2")
    assert model.growth.depths == {"encoder": 3, "decoder": 3}
    model.set_num_updates(2)
    assert torch.equal(model(**batch())[0], tiny_model(**options)(**batch())[0])


@pytest.fixture(scope="module")
def between():
    """A model of 4 of its 6 layers a side and fairseq's transformer of these."""
    options = {"share_all_embeddings": False}
    model = growing("sequence", "between", **options)
    return model.eval(), plain_of(model, **options).eval()


@pytest.mark.parametrize("decoding", verdict(WORKS, [f"{WITH} the searches below"]))
@pytest.mark.parametrize("option", SEARCHES)
def test_finds_what_the_plain_model_of_its_depth_finds(between, decoding, option):
    assert_same(*(translate([model], option, **SEARCHES[option]) for model in between))


@pytest.fixture(scope="module")
def grown(copy_task, tmp_path_factory):
    """The folder of a model after 4 updates, each of them saved, that grew after 2."""
    folder = tmp_path_factory.mktemp("grown")
    train(copy_task, folder, *GROWING)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("option", verdict(WORKS, EQUAL))
def test_across_a_step_it_changes_nothing(copy_task, grown, tmp_path, option):
    train(copy_task, tmp_path, *GROWING, *EQUAL[option])
    for update in (1, 2, 3, 4):
        ours, theirs = saved(tmp_path, update), saved(grown, update)
        assert largest_difference(ours, theirs) < 1e-5
        assert measured(ours) == pytest.approx(measured(theirs), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("option", verdict(WORKS, [f"{WITH} --store-ema"]))
def test_the_average_grows_with_the_model_and_is_resumed(copy_task, tmp_path, option):
    ema = (*GROWING, option.split()[-1], "--ema-decay", 0.5)
    train(copy_task, tmp_path / "whole", *ema)
    checkpoints = [saved(tmp_path / "whole", update) for update in (1, 2, 3, 4)]
    expected = checkpoints[0]["model"]
    for checkpoint in checkpoints[1:]:
        expected = {name: (expected[name] + v) / 2 for name, v in checkpoint["model"].items()}
    for checkpoint in checkpoints:
        stored = checkpoint["extra_state"]["ema"][RUNNING]
        assert torch.equal(stored, checkpoint["model"][RUNNING])
    average = checkpoints[-1]["extra_state"]["ema"]
    for name in average.keys() - {RUNNING, RUNNING.replace("encoder", "decoder")}:
        torch.testing.assert_close(average[name], expected[name], atol=1e-6, rtol=1e-6)
    train(copy_task, tmp_path / "resumed", *ema, updates=GROWS_AFTER)
    train(copy_task, tmp_path / "resumed", *ema)
    resumed = saved(tmp_path / "resumed")["extra_state"]["ema"]
    assert all(torch.equal(resumed[name], value) for name, value in average.items())


@pytest.mark.slow
@pytest.mark.parametrize("option", verdict(WORKS, HALF))
def test_half_precision_grows_and_is_resumed(copy_task, grown, tmp_path, option):
    train(copy_task, tmp_path, *GROWING, *HALF[option], updates=GROWS_AFTER)
    printed = train(copy_task, tmp_path, *GROWING, *HALF[option]).stdout
    assert "depth after update 2: encoder 2 -> 4 of 4 layers" in printed
    for update in (2, 4):
        half, full = saved(tmp_path, update), saved(grown, update)
        assert torch.equal(half["model"][RUNNING], full["model"][RUNNING])
        assert largest_difference(half, full) < 0.02
        assert measured(half) == pytest.approx(measured(full), rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("command", verdict(WORKS, [f"{WITH} fairseq-hydra-train"]))
def test_a_yaml_config_grows_at_the_same_update(copy_task, grown, tmp_path, command):
    options = {"sharing_strategy": "sequence", "grow_depth_at": GROWS_AFTER}
    train_by_hydra(copy_task, tmp_path / "yaml", **options)
    assert largest_difference(saved(tmp_path / "yaml"), saved(grown)) == 0
