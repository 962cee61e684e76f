"""fairseq-train on the card: its checkpoints, going on from them, stopping, several processes."""

import re
import shutil

import pytest
import sentencepiece
import torch
from gpu_trainings import HALF, HALFWAY, UPDATES
from support import PLUGIN, run
from training import ADMIN, largest_difference, measured, saved, train

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


@pytest.mark.parametrize("name", ["goes on", "goes on, half"])
def test_goes_on(copy_task, trainings, name):
    folder, printed = trainings[name]
    assert f"num_updates={HALF + 1}," in printed or f"num_updates={HALF + 2}," in printed
    first, last = saved(folder, HALF), saved(folder, UPDATES)
    assert measured(last)["loss"] < measured(first)["loss"]
    for side in ("encoder", "decoder"):
        starts = f"{side}.residual_start"
        assert torch.equal(first["model"][starts], last["model"][starts])
    loaded(folder, copy_task)


def test_goes_on_on_the_cpu(copy_task, trainings, tmp_path):
    folder, _ = trainings["goes on"]
    shutil.copy(next(folder.glob(f"checkpoint_*_{HALF}.pt")), tmp_path / "checkpoint_last.pt")
    train(copy_task, tmp_path, *ADMIN, *HALFWAY, updates=UPDATES)
    ours, theirs = saved(folder), saved(tmp_path)
    assert measured(ours) == pytest.approx(measured(theirs), rel=1e-2)
    assert largest_difference(ours, theirs) < 0.05


def test_half_precision_goes_on_on_the_cpu_with_another_optimizer(copy_task, trainings, tmp_path):
    folder, _ = trainings["goes on, half"]
    start = ("--finetune-from-model", folder / "checkpoint_last.pt", "--lr", 1e-30)
    train(copy_task, tmp_path, *ADMIN, *start, updates=1)
    ours = {name: value.float() for name, value in saved(folder)["model"].items()}
    assert largest_difference({"model": ours}, saved(tmp_path)) == 0


def test_asked_to_stop_it_saves_first(trainings):
    folder, printed = trainings["stops"]
    assert printed.startswith("143 ")
    assert "stopped when asked to, after saving a checkpoint" in printed
    assert saved(folder)["optimizer_history"][-1]["num_updates"] >= HALF + 2


def test_in_a_process_group_of_one_the_same(copy_task, trainings, device, tmp_path):
    folder, printed = trainings["process group"]
    assert "distributed init (rank 0)" in printed
    train(copy_task, tmp_path, *ADMIN, updates=4, device=device)
    assert largest_difference(saved(folder), saved(tmp_path)) < 1e-4


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


def translations(data, checkpoint, *where: object) -> list[str]:
    """fairseq-generate's best hypotheses, in the order of the test set."""
    command = (
        *(data / "bin", "--path", checkpoint, "--user-dir", PLUGIN, "--beam", 4),
        *("--required-batch-size-multiple", 1, *where),
    )
    found = re.findall(r"^H-(\d+)\t.*\t(.*)$", run("fairseq-generate", *command).stdout, re.M)
    return [line for _, line in sorted(found, key=lambda pair: int(pair[0]))]


def test_generates_what_the_cpu_generates(copy_task, trainings, device):
    checkpoint = trainings["goes on"][0] / "checkpoint_last.pt"
    theirs = translations(copy_task, checkpoint, "--cpu")
    ours = translations(copy_task, checkpoint, *(("--cpu",) if device == "cpu" else ()))
    assert len(ours) == len(theirs) == 103
    assert sum(one != other for one, other in zip(ours, theirs, strict=True)) <= 1


def test_its_export_translates_as_it_does(copy_task, trainings, device, tmp_path):
    """With CTranslate2 on the CPU; the words of the copy task are pieces of their own."""
    ctranslate2 = pytest.importorskip("ctranslate2")
    checkpoint = trainings["goes on"][0] / "checkpoint_last.pt"
    words = [f"w{number}" for number in range(30)]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["any text", "will do"]),
        model_prefix=str(tmp_path / "spm"),
        user_defined_symbols=words,
        vocab_size=100,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    export_ct2(
        *(Checkpoint.read(checkpoint), copy_task / "bin", tmp_path / "a-b"),
        sentencepiece=tmp_path / "spm.model",
    )
    translator = ctranslate2.Translator(str(tmp_path / "a-b"), device="cpu")
    source = [line.split() for line in (copy_task / "test.a").read_text().splitlines()]
    results = translator.translate_batch(source, beam_size=4, max_decoding_length=200)
    ours = [" ".join(result.hypotheses[0]) for result in results]
    theirs = translations(copy_task, checkpoint, *(("--cpu",) if device == "cpu" else ()))
    assert sum(one != other for one, other in zip(ours, theirs, strict=True)) <= 3
