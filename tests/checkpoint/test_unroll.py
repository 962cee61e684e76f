"""An unrolled model is the same function, in a file that needs nothing but fairseq."""

import pytest
import torch
from fairseq.models.transformer import TransformerModel
from shipping import decode, run
from support import SHARING, batch, sharing_options, tiny_args, tiny_model, toy_task
from toy import WITHOUT_PLUGIN

from fairseq_sharing.checkpoint.contents import Checkpoint
from fairseq_sharing.checkpoint.unroll import unroll
from fairseq_sharing.errors import SharingError

VARIANTS = {
    "pre-norm": {"encoder_normalize_before": True, "decoder_normalize_before": True},
    "own embeddings": {"share_all_embeddings": False},
    "output embeddings tied": {
        "share_all_embeddings": False,
        "share_decoder_input_output_embed": True,
    },
    "learned positions": {"encoder_learned_pos": True, "decoder_learned_pos": True},
    "embedding norms": {"layernorm_embedding": True},
    "uneven sides": {
        **sharing_options("cycle", 2),
        "encoder_layers": 6,
        "decoder_layers": 3,
    },
}


def logits_of_unrolled(path, **options):
    """What fairseq's own model answers with the weights of the unrolled checkpoint."""
    content = unroll(Checkpoint.read(path))
    plain = TransformerModel.build_model(tiny_args("transformer", **options), toy_task())
    plain.load_state_dict(content["model"])
    return plain.eval()(**batch())[0]


def logits_of_shared(path, **options):
    model = tiny_model(**options)
    model.load_state_dict(Checkpoint.read(path).state)
    return model.eval()(**batch())[0]


@pytest.mark.parametrize("strategy", SHARING)
def test_unrolled_logits_are_those_of_the_shared_model(save, strategy):
    options = sharing_options(strategy)
    path = save(**options)
    assert torch.equal(logits_of_unrolled(path), logits_of_shared(path, **options))


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_kind_of_model_unrolls(save, variant):
    options = sharing_options("cycle_rev", 2) | VARIANTS[variant]
    path = save(**options)
    plain = {k: v for k, v in options.items() if "sharing" not in k and "unique" not in k}
    assert torch.equal(logits_of_unrolled(path, **plain), logits_of_shared(path, **options))


def test_the_file_is_plain_data(save, tool, tmp_path):
    """It loads with torch's safe loader in a process that was told of no class."""
    assert (
        tool("unroll", save(**sharing_options("cycle")), "--output", tmp_path / "plain.pt")[0] == 0
    )
    load = "import sys, torch; print(torch.load(sys.argv[1])['cfg']['model'])"
    printed = run("python", "-c", load, tmp_path / "plain.pt").stdout
    assert "'_name': 'transformer'" in printed
    assert "sharing" not in printed


def test_stock_fairseq_decodes_it_without_the_plugin(trained, tool, tmp_path):
    output = tmp_path / "plain.pt"
    assert tool("unroll", trained.last, "--output", output)[0] == 0
    expected, found = decode(trained, trained.last), decode(trained, output, plugin=False)
    assert len(set(expected)) > 20
    for line, stock in zip(expected, found, strict=True):
        (score, text), (stock_score, stock_text) = line.split("\t"), stock.split("\t")
        assert stock_text == text
        assert float(stock_score) == pytest.approx(float(score), abs=1e-5)


@pytest.mark.slow
def test_stock_fairseq_goes_on_training_it(trained, tool, tmp_path):
    tool("unroll", trained.last, "--output", tmp_path / "plain.pt")
    stock = WITHOUT_PLUGIN.format("train") + "command.cli_main()"
    options = "--arch transformer_tiny --encoder-layers 4 --decoder-layers 4 --share-all-embeddings"
    pre_norm = "--encoder-normalize-before --decoder-normalize-before --cpu --no-save"
    printed = run(
        *("python", "-c", stock, trained.data, *options.split(), *pre_norm.split()),
        *("--finetune-from-model", tmp_path / "plain.pt", "--max-update", 2, "--lr", 0.0001),
        *("--optimizer", "adam", "--max-tokens", 600, "--no-progress-bar", "--log-interval", 1),
    ).stdout
    first = next(line for line in printed.splitlines() if "train_inner" in line)
    assert float(first.split("loss=")[1].split(",")[0]) < 2.5


def test_a_state_that_is_not_of_its_options_is_refused(save):
    checkpoint = Checkpoint.read(save(**sharing_options("cycle")))
    del checkpoint.state["decoder.layers.1.fc1.bias"]
    with pytest.raises(SharingError, match=r"decoder\.layers\.1\.fc1\.bias is of shape none"):
        unroll(checkpoint)
