"""fairseq-train on the card: its checkpoints, resuming from them, stopping, several processes."""

import pytest
import sentencepiece
import torch
from gpu_trainings import HALF, UPDATES
from training import largest_difference, measured, saved

from fairseq_sharing import SharedTransformerModel, count_parameters
from fairseq_sharing.checkpoint.contents import Checkpoint
from fairseq_sharing.export.ct2 import export_ct2


def loaded(folder, data):
    """The model of a checkpoint, on the CPU."""
    return SharedTransformerModel.from_pretrained(
        str(folder), "checkpoint_last.pt", str(data / "bin")
    ).models[0]


def test_a_checkpoint_has_every_parameter_once(copy_task, trainings):
    folder, _ = trainings["weights alone"]
    counted = count_parameters(loaded(folder, copy_task))
    assert (folder / "checkpoint_last.pt").stat().st_size <= 1.02 * 4 * counted


@pytest.mark.parametrize("name", ["in halves", "in halves, fp16"])
def test_goes_on(copy_task, trainings, name):
    folder, printed = trainings[name]
    assert f"num_updates={HALF + 1}," in printed
    assert f"num_updates={HALF}," not in printed
    first, last = saved(folder, HALF), saved(folder, UPDATES)
    assert measured(last)["loss"] < measured(first)["loss"]
    for side in ("encoder", "decoder"):
        starts = f"{side}.residual_start"
        assert torch.equal(first["model"][starts], last["model"][starts])
    loaded(folder, copy_task)


def test_goes_on_on_the_cpu(trainings):
    ours, theirs = saved(trainings["in halves"][0]), saved(trainings["in halves, then on the CPU"])
    assert measured(ours) == pytest.approx(measured(theirs), rel=1e-2)
    assert largest_difference(ours, theirs) < 0.05


def test_half_precision_goes_on_on_the_cpu_with_another_optimizer(trainings):
    half, full = saved(trainings["in halves, fp16"][0]), saved(trainings["from fp16"])
    assert largest_difference(half, full) == 0


def test_asked_to_stop_it_saves_first(trainings):
    folder, printed, status = trainings["stopped"]
    assert status == 143
    assert "stopped when asked to, after saving a checkpoint" in printed
    assert saved(folder)["optimizer_history"][-1]["num_updates"] >= HALF + 2


def test_in_a_process_group_of_one_the_same(trainings):
    folder, printed = trainings["process group"]
    assert "distributed init (rank 0)" in printed
    assert largest_difference(saved(folder), saved(trainings["alone"][0])) < 1e-4


def test_the_average_is_that_of_the_weights(trainings):
    folder, _ = trainings["average"]
    checkpoints = [saved(folder, update) for update in (1, 2, 3, 4)]
    expected = {name: value.float() for name, value in checkpoints[0]["model"].items()}
    for checkpoint in checkpoints[1:]:
        new = checkpoint["model"]
        expected = {name: (value + new[name].float()) / 2 for name, value in expected.items()}
    average = checkpoints[-1]["extra_state"]["ema_fp32_params"]
    for name, value in average.items():
        torch.testing.assert_close(value, expected[name], atol=1e-3, rtol=1e-3)


def differing(ours: list[str], theirs: list[str]) -> int:
    """How many of the test set's translations are others: rounding decides between equals."""
    assert len(ours) == len(theirs) == 103
    return sum(one != other for one, other in zip(ours, theirs, strict=True))


def test_translates_as_on_the_cpu(trainings):
    ours = trainings["in halves, translations"]
    assert differing(ours, trainings["in halves, translations on the CPU"]) <= 1


def test_its_export_translates_as_it_does(copy_task, trainings, tmp_path):
    """With CTranslate2 on the CPU; the words of the copy task are pieces of their own."""
    ctranslate2 = pytest.importorskip("ctranslate2")
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["any text", "will do"]),
        model_prefix=str(tmp_path / "spm"),
        user_defined_symbols=[f"w{number}" for number in range(30)],
        vocab_size=100,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    checkpoint = Checkpoint.read(trainings["in halves"][0] / "checkpoint_last.pt")
    output, spm = tmp_path / "a-b", tmp_path / "spm.model"
    export_ct2(checkpoint, copy_task / "bin", output, sentencepiece=spm)
    translator = ctranslate2.Translator(str(output), device="cpu")
    source = [line.split() for line in (copy_task / "test.a").read_text().splitlines()]
    results = translator.translate_batch(source, beam_size=4, max_decoding_length=200)
    ours = [" ".join(result.hypotheses[0]) for result in results]
    assert differing(ours, trainings["in halves, translations"]) <= 3
