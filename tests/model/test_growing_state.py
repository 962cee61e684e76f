"""The depth reached is part of the model: state dicts, copies, EMA and TorchScript keep it."""

import copy
import logging

import pytest
import torch
from equality import assert_same_hypotheses
from fairseq.dataclass.configs import EMAConfig
from fairseq.models.ema.ema import EMA
from fairseq.sequence_generator import SequenceGenerator
from growing import UPDATES, growing, not_growing
from support import batch, dictionary

from fairseq_sharing import SharingError

ENTRY = "encoder.running_layers"


def logits(model):
    return model.eval()(**batch())[0]


def changed(model):
    """The same model with other weights, as after updates."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.1)
    return model


@pytest.mark.parametrize("at", UPDATES)
def test_which_layers_run_is_stored_and_loaded(at):
    model = changed(growing("sequence", at))
    state = model.state_dict()
    expected = {"M": "101010", "between": "111010", "N": "111111"}
    assert state[ENTRY].dtype == torch.float32
    assert state[ENTRY].tolist() == [float(digit) for digit in expected[at]]
    other = growing("sequence", "N" if at == "M" else "M")
    other.load_state_dict(state)
    assert other.growth.depths == model.growth.depths
    assert torch.equal(logits(other), logits(model))


def test_a_state_without_the_entry_is_at_full_depth():
    full, model = changed(not_growing()), growing()
    assert ENTRY not in full.state_dict()
    model.load_state_dict(full.state_dict())
    assert model.growth.depths == {"encoder": 6, "decoder": 6}
    assert torch.equal(logits(model), logits(full))


def test_without_growth_all_layers_run_and_a_warning_says_so(caplog):
    model, shallow, deep = not_growing(), growing().state_dict(), growing(at="N").state_dict()
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        model.load_state_dict(deep)
        assert not caplog.messages
        model.load_state_dict(shallow)
    assert len(caplog.messages) == 2
    assert "trained with 3 of the encoder's 6 layers; without --grow-depth-at" in caplog.text


@pytest.mark.parametrize(
    "entry", [[1, 0, 0, 0, 0, 1], [1] * 4, [0] * 6, [1, 1, 0, 0, 0, 0], [1] * 7]
)
def test_an_entry_of_another_stack_is_one_line(entry):
    state = growing().state_dict() | {ENTRY: torch.tensor(entry).float()}
    with pytest.raises(SharingError, match="the checkpoint's encoder runs layers") as error:
        growing().load_state_dict(state)
    assert "\n" not in str(error.value)


def test_a_state_of_another_schedule_is_loaded_and_then_follows_the_models_own(caplog):
    model, other = growing(grow_depth_at="5,50"), growing(at="N")
    model.set_num_updates(20)  # as fairseq does before it loads a checkpoint
    model.load_state_dict(other.state_dict())
    assert model.growth.depths["encoder"] == 6
    caplog.clear()
    with caplog.at_level(logging.INFO, "fairseq_sharing"):
        model.set_num_updates(20)
    assert caplog.messages == [
        "depth after update 20: encoder 6 -> 4 of 6 layers; decoder 6 -> 4 of 6 layers"
    ]


def test_a_change_of_depth_is_logged_once(caplog):
    model = growing()
    caplog.clear()
    with caplog.at_level(logging.INFO, "fairseq_sharing"):
        for update in range(22):
            model.set_num_updates(update)
            model.set_num_updates(update)  # once for each part of a batch
    assert [message.split(":")[0] for message in caplog.messages] == [
        "depth after update 10",
        "depth after update 20",
    ]


def test_a_copy_grows_by_itself():
    model = growing()
    copied = copy.deepcopy(model)
    copied.set_num_updates(20)
    assert torch.equal(logits(model), logits(growing()))
    assert torch.equal(logits(copied), logits(growing(at="N")))
    assert copied.encoder.layers[0] is not model.encoder.layers[0]


@pytest.mark.parametrize("fp32", [False, True])
@pytest.mark.parametrize("decay", [0.9999, 0.5])
def test_the_average_of_ema_runs_the_layers_of_the_model(decay, fp32):
    model = growing().half() if fp32 else growing()
    ema = EMA(model, EMAConfig(store_ema=True, ema_decay=decay, ema_fp32=fp32))
    for update in (8, 9, 10, 11, 20):
        model.set_num_updates(update)
        ema.step(changed(model))
        assert ema.get_model().growth.depths == model.growth.depths
        stored = ema.get_model().state_dict()[ENTRY]
        assert torch.equal(stored, model.state_dict()[ENTRY])
    restored = EMA(growing(), EMAConfig(store_ema=True))
    restored.restore(ema.get_model().state_dict())
    assert restored.get_model().growth.depths == {"encoder": 6, "decoder": 6}


def test_a_scripted_model_keeps_its_depth_and_the_eager_one_still_grows():
    model = growing().eval()
    expected = {at: logits(growing(at=at)) for at in UPDATES}
    scripted = {}
    for at in ("M", "between"):
        model.set_num_updates(UPDATES[at])
        scripted[at] = torch.jit.script(model)
        assert torch.equal(logits(model), expected[at])
    model.set_num_updates(20)
    assert torch.equal(logits(model), expected["N"])
    for at, one in scripted.items():
        torch.testing.assert_close(one(**batch())[0], expected[at], atol=1e-5, rtol=0)


def test_scripted_beam_search_of_a_model_that_has_not_grown(tmp_path):
    model = growing("sequence", share_all_embeddings=False).eval()
    generator = SequenceGenerator([model], dictionary(), beam_size=3, max_len_b=6)
    expected = generator.generate([model], {"net_input": batch()})
    torch.jit.save(torch.jit.script(generator), tmp_path / "generator.pt")
    found = torch.jit.load(tmp_path / "generator.pt")({"net_input": batch()})
    assert_same_hypotheses(found, expected)
    model.set_num_updates(20)
    assert model.growth.depths["encoder"] == 6
    assert torch.equal(logits(model), logits(growing("sequence", "N", share_all_embeddings=False)))
