"""fairseq's own commands in processes of their own, with the plugin as ``--user-dir``."""

import os
import resource
import subprocess

import pytest
import torch
from support import BIN, PLUGIN, run
from training import UNTHREADED

ARCH = ("--arch", "shared_transformer_tiny", "--share-all-embeddings", "--dropout", 0)
SHARED = (
    *("--sharing-strategy", "cycle_rev", "--encoder-layers", 4, "--decoder-layers", 4),
    *("--encoder-unique-layers", 2, "--decoder-unique-layers", 2),
)


def train(data, save, *options, updates=12, check=True, **process):
    return run(
        "fairseq-train",
        *(data / "bin", "--user-dir", PLUGIN, *ARCH, "--save-dir", save, "--cpu"),
        *("--optimizer", "adam", "--lr", 0.005, "--max-tokens", 2000, "--no-progress-bar"),
        *("--max-update", updates, "--no-epoch-checkpoints", "--log-interval", 1, *UNTHREADED),
        *options,
        check=check,
        **process,
    )


def generate(data, checkpoint, *options, check=True):
    return run(
        "fairseq-generate",
        *(data / "bin", "--user-dir", PLUGIN, "--path", checkpoint, "--cpu", "--beam", 4),
        *("--required-batch-size-multiple", 1, *options),
        check=check,
    )


def weights(checkpoint):
    return torch.load(checkpoint, weights_only=True)["model"]


@pytest.fixture(scope="module")
def trained(copy_task, tmp_path_factory):
    """A model trained for 12 updates, and what fairseq-train printed."""
    folder = tmp_path_factory.mktemp("trained")
    return folder / "checkpoint_last.pt", train(copy_task, folder, *SHARED).stdout


def test_training_says_once_what_is_shared(trained):
    lines = [line for line in trained[1].splitlines() if "sharing:" in line]
    assert len(lines) == 1
    assert "encoder map 0,1,1,0 (4 layers, 2 unique); decoder map 0,1,1,0" in lines[0]
    assert "136,960 parameters counted once" in lines[0]


def test_checkpoint_has_each_layer_once_and_loads_safely(trained):
    state = weights(trained[0])
    layers = {name.split(".")[2] for name in state if ".layers." in name}
    assert layers == {"0", "1"}
    assert state["encoder.layer_map"].tolist() == [0, 1, 1, 0]
    assert "decoder.output_projection.weight" not in state


def test_training_in_two_parts_is_training_in_one(copy_task, trained, tmp_path):
    train(copy_task, tmp_path, *SHARED, "--save-interval-updates", 5, updates=5)
    resumed = train(copy_task, tmp_path, *SHARED)
    assert "@ 5 updates" in resumed.stdout
    expected, got = weights(trained[0]), weights(tmp_path / "checkpoint_last.pt")
    assert list(expected) == list(got)
    for name, value in expected.items():
        torch.testing.assert_close(got[name], value, atol=0, rtol=0)


def test_generate_translates_every_sentence(copy_task, trained):
    printed = generate(copy_task, trained[0]).stdout
    assert sum(line.startswith("H-") for line in printed.splitlines()) == 103


def test_whoever_reads_translations_may_stop_reading(copy_task, trained):
    command = (BIN / "fairseq-generate", copy_task / "bin", "--user-dir", PLUGIN, "--cpu")
    process = subprocess.Popen(
        [*command, "--path", trained[0], "--batch-size", "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    process.stdout.readline()
    process.stdout.close()
    said = process.stderr.read()
    assert process.wait() != 0
    assert b"Error" not in said


def test_interactive_and_validate_take_the_checkpoint(copy_task, trained):
    printed = run(
        "fairseq-interactive",
        *(copy_task / "bin", "--user-dir", PLUGIN, "--path", trained[0], "--cpu"),
        input="w1 w2 w3\n",
    ).stdout
    assert "\nH-0\t" in printed
    printed = run(
        "fairseq-validate",
        *(copy_task / "bin", "--user-dir", PLUGIN, "--path", trained[0], "--cpu"),
        *("--task", "translation", "--required-batch-size-multiple", 1, "--batch-size", 10),
    ).stdout
    assert "| valid on 'valid' subset |" in printed


def test_ensembles_decode(copy_task, trained):
    both = os.pathsep.join([str(trained[0])] * 2)
    assert "Generate test with beam=4" in generate(copy_task, both).stdout


def test_hydra_training_takes_the_same_options(copy_task, tmp_path):
    hydra = [
        "common.cpu=true",
        "common.no_progress_bar=true",
        "task=translation",
        "optimizer=adam",
        "criterion=cross_entropy",
        "lr_scheduler=fixed",
        "optimization.lr=[0.005]",
        "optimization.max_update=2",
        "dataset.max_tokens=2000",
        f"common.user_dir='{PLUGIN}'",
    ]
    model = (
        "{_name: shared_transformer_tiny, sharing_strategy: cycle, encoder_layers: 4, "
        "decoder_layers: 4, encoder_unique_layers: 2, decoder_unique_layers: 2}"
    )
    data = f"task.data='{copy_task / 'bin'}'"
    save = f"checkpoint.save_dir='{tmp_path / 'save'}'"
    printed = run("fairseq-hydra-train", *hydra, data, save, f"+model={model}", cwd=tmp_path)
    assert "done training" in (printed.stdout + _hydra_log(tmp_path))
    checkpoint = tmp_path / "save" / "checkpoint_last.pt"
    assert weights(checkpoint)["encoder.layer_map"].tolist() == [0, 1, 0, 1]
    assert "Generate test with beam=4" in generate(copy_task, checkpoint).stdout
    misspelt = model.replace("sharing_strategy", "sharing_stratgy")
    refused = run(
        *("fairseq-hydra-train", *hydra, data, save, f"+model={misspelt}"),
        cwd=tmp_path,
        check=False,
    )
    _one_line(refused, "unknown model option 'sharing_stratgy'")


def _hydra_log(folder):
    return "".join(path.read_text() for path in folder.rglob("hydra_train.log"))


def test_help_lists_the_options_with_their_texts():
    printed = run(
        "fairseq-train", "--help", "--user-dir", PLUGIN, "--arch", "shared_transformer_wmt_en_de"
    ).stdout
    for option in ("--sharing-strategy", "--encoder-unique-layers", "--decoder-layer-map"):
        assert option in printed
    assert "middle_cycle" in printed


REFUSED = [
    (("--sharing-strategy", "zigzag"), "unknown sharing strategy 'zigzag'; valid are none"),
    (("--sharing-strategy", "cycle"), "and no --encoder-unique-layers: strategy cycle needs"),
    ((*SHARED, "--encoder-unique-layers", 0), "at least 1, got 0"),
    ((*SHARED, "--decoder-unique-layers", 5), "takes 1 to 4 unique layers, got 5"),
    (("--sharing-strategy", "universal", "--encoder-unique-layers", 1), "drop it"),
    (("--encoder-unique-layers", 2), "--sharing-strategy none with --encoder-layers 2"),
    ((*SHARED, "--sharing-strategy", "middle_cycle"), "takes 3 to 4 unique layers, got 2"),
    ((*SHARED, "--encoder-layer-map", "0,1,1,0"), "drop one of them"),
    (("--encoder-layer-map", "0,1,0"), "3 entries for 2 layers"),
    (("--arch", "shared_transformer_wmt_en_de", "--encoder-layer-map", ""), "layer map ''"),
    (("--encoder-layers", 0), "--encoder-layers 0: the number of layers must be a whole number"),
    (("--encoder-layer-map", "0,2"), "entry 2 at layer 1"),
    (("--encoder-layer-map", "0,x"), "whole numbers separated by commas"),
    ((*SHARED, "--encoder-layers-to-keep", "0,1"), "breaks the layer map"),
]


@pytest.mark.parametrize(("options", "line"), REFUSED, ids=lambda value: str(value)[:40])
def test_wrong_options_end_training_with_one_line(copy_task, tmp_path, options, line):
    refused = train(copy_task, tmp_path / "save", *options, check=False)
    assert refused.returncode != 0
    assert line in refused.stdout.splitlines()[-1]
    assert refused.stdout.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in refused.stdout
    assert not (tmp_path / "save").exists()


def _one_line(result, *parts):
    assert result.returncode != 0
    assert "Traceback" not in result.stdout
    last = result.stdout.splitlines()[-1]
    assert last.startswith("error: ")
    for part in parts:
        assert part in last


def test_a_checkpoint_of_another_map_is_refused_with_both_maps(copy_task, trained, tmp_path):
    refused = train(
        *(copy_task, tmp_path, *SHARED, "--sharing-strategy", "cycle"),
        *("--restore-file", trained[0]),
        check=False,
    )
    _one_line(refused, "0,1,1,0", "0,1,0,1", "--encoder-layer-map")
    overrides = "{'sharing_strategy': 'sequence'}"
    refused = generate(copy_task, trained[0], "--model-overrides", overrides, check=False)
    _one_line(refused, "0,1,1,0", "0,0,1,1")


def test_a_checkpoint_of_other_sizes_is_refused_with_both(copy_task, trained, tmp_path):
    overrides = "{'encoder_ffn_embed_dim': 8}"
    refused = generate(copy_task, trained[0], "--model-overrides", overrides, check=False)
    _one_line(refused, "encoder.layers.0.fc1.weight", "[64, 64]", "[8, 64]", "dictionaries")
    refused = train(
        *(copy_task, tmp_path, *SHARED, "--encoder-ffn-embed-dim", 8),
        *("--finetune-from-model", trained[0]),
        check=False,
    )
    _one_line(refused, "encoder.layers.0.fc1.weight", "[64, 64]", "[8, 64]", "dictionaries")


def test_a_disk_that_is_full_is_said_to_be(copy_task, tmp_path):
    stopped = train(
        *(copy_task, tmp_path, *SHARED),
        updates=1,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )
    last = stopped.stdout.splitlines()[-1]
    assert (
        last == "error: [Errno 27] File too large; make room, then run the same command to resume"
    )


def test_a_truncated_checkpoint_is_refused(copy_task, trained, tmp_path):
    cut = tmp_path / "cut.pt"
    cut.write_bytes(trained[0].read_bytes()[:50_000])
    _one_line(generate(copy_task, cut, check=False), str(cut), "cut short")


def test_what_is_no_checkpoint_is_refused(copy_task, tmp_path):
    text, other = tmp_path / "text.pt", tmp_path / "other.pt"
    text.write_text("root:x:0:0:root:/root:/bin/bash\n" * 20)
    torch.save({"epoch": 3}, other)
    for path in (text, other):
        _one_line(generate(copy_task, path, check=False), str(path), "not a checkpoint")
    _one_line(generate(copy_task, tmp_path, check=False), str(tmp_path), "Is a directory")


class _Malicious:
    """Pickles to a call that makes a file."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


def test_a_checkpoint_with_code_in_it_is_refused_and_nothing_is_run(copy_task, tmp_path):
    made = tmp_path / "made by the checkpoint"
    torch.save({"model": _Malicious(made)}, tmp_path / "evil.pt")
    refused = generate(copy_task, tmp_path / "evil.pt", check=False)
    _one_line(refused, "evil.pt", "mkdir", "nothing in it was run")
    assert not made.exists()
