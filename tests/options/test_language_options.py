"""fairseq's options of a language model: equal to an unshared copy, or refused when it is built."""

import pytest
import torch
from equality import LanguageTwins, build
from support import run, sharing_options, text_batch
from training import UNTHREADED, losses
from verdicts import REFUSED, WORKS, verdict

from fairseq_sharing import SharingError
from fairseq_sharing.model.config import DecoderOnlyConfig

LM = "shared_transformer_lm"
FOR = "language model:"
SHARED = sharing_options("cycle_rev", 3, DecoderOnlyConfig.sides)
ADMIN = {**SHARED, "residual_scaling": "admin"}
UNTIED = {"share_decoder_input_output_embed": False}
ADAPTIVE_INPUT = {**UNTIED, "adaptive_input": True, "adaptive_input_cutoff": "10,20"}
ADAPTIVE = {**ADAPTIVE_INPUT, "adaptive_softmax_cutoff": "10,20"}
EQUAL = {
    f"{FOR} --decoder-layers, --decoder-unique-layers": {
        "decoder_layers": 5,
        "decoder_unique_layers": 2,
    },
    f"{FOR} --decoder-layer-map": {
        "sharing_strategy": "none",
        "decoder_unique_layers": None,
        "decoder_layer_map": "0,0,1,1",
    },
    f"{FOR} --share-sublayers": {"share_sublayers": "ffn"},
    f"{FOR} --decoder-self-attention-map, --decoder-ffn-map": {
        "sharing_strategy": "none",
        "decoder_unique_layers": None,
        "decoder_self_attention_map": "0,1,2,1",
        "decoder_ffn_map": "0,0,1,1",
    },
    f"{FOR} --adaptive-input, --adaptive-input-cutoff, --adaptive-input-factor": {
        **ADAPTIVE_INPUT,
        "adaptive_input_factor": 2,
    },
    f"{FOR} --adaptive-softmax-cutoff, --adaptive-softmax-factor, --adaptive-softmax-dropout": {
        **UNTIED,
        "adaptive_softmax_cutoff": "10,20",
        "adaptive_softmax_factor": 2,
        "adaptive_softmax_dropout": 0.2,
    },
    f"{FOR} --tie-adaptive-weights": {**ADAPTIVE, "tie_adaptive_weights": True},
    f"{FOR} --tie-adaptive-proj": {
        **ADAPTIVE,
        "tie_adaptive_weights": True,
        "tie_adaptive_proj": True,
    },
    f"{FOR} --character-embeddings": {
        **UNTIED,
        "character_embeddings": True,
        "character_filters": "[(1, 8), (2, 8)]",
    },
    f"{FOR} --share-decoder-input-output-embed": {"share_decoder_input_output_embed": True},
    f"{FOR} --decoder-input-dim, --decoder-output-dim": {
        **UNTIED,
        "decoder_input_dim": 8,
        "decoder_output_dim": 24,
    },
    f"{FOR} --decoder-learned-pos": {"decoder_learned_pos": True},
    f"{FOR} --no-token-positional-embeddings": {"no_token_positional_embeddings": True},
    f"{FOR} --layernorm-embedding": {"layernorm_embedding": True},
    f"{FOR} --no-scale-embedding": {"no_scale_embedding": True},
    f"{FOR} --activation-fn": {"activation_fn": "gelu"},
    f"{FOR} --attention-dropout, --activation-dropout, --relu-dropout": {
        "attention_dropout": 0.1,
        "activation_dropout": 0.1,
        "relu_dropout": 0.1,
    },
    f"{FOR} --checkpoint-activations": {"checkpoint_activations": True},
    f"{FOR} --offload-activations": {"offload_activations": True},
}
EQUAL_WITHOUT_ADMIN = {
    f"{FOR} --decoder-normalize-before": {"decoder_normalize_before": True},
    f"{FOR} --no-decoder-final-norm": {
        "decoder_normalize_before": True,
        "no_decoder_final_norm": True,
    },
    f"{FOR} --decoder-layerdrop": {"decoder_layerdrop": 0.5},
}
REASONS = {
    f"{FOR} --decoder-layers-to-keep": ({"decoder_layers_to_keep": "0,1"}, "breaks the layer map"),
    f"{FOR} --quant-noise-pq": ({"quant_noise_pq": 0.1}, "several uses before its gradient"),
    f"{FOR} --quant-noise-scalar": ({"quant_noise_scalar": 0.1}, "first of its positions"),
    f"{FOR} --base-layers": ({"base_layers": 1}, "the layer map does not know"),
    f"{FOR} --ddp-backend fully_sharded": ({"ddp_backend": "fully_sharded"}, "use pytorch_ddp"),
    f"{FOR} --scale-fc": ({"scale_fc": True}, "is ignored by fairseq's"),
    f"{FOR} --scale-attn": ({"scale_attn": True}, "is ignored by fairseq's"),
    f"{FOR} --scale-heads": ({"scale_heads": True}, "is ignored by fairseq's"),
    f"{FOR} --scale-resids": ({"scale_resids": True}, "is ignored by fairseq's"),
    f"{FOR} --residual-scaling admin with --decoder-normalize-before": (
        {"decoder_normalize_before": True, "residual_scaling": "admin"},
        "sums that post-norm normalises",
    ),
    f"{FOR} --residual-scaling admin with --decoder-layerdrop": (
        {"decoder_layerdrop": 0.1, "residual_scaling": "admin"},
        "measures every layer",
    ),
    f"{FOR} --grow-depth-at with --decoder-layerdrop": (
        {"grow_depth_at": "2", "decoder_layerdrop": 0.1},
        "how many layers run",
    ),
}
TASK = {
    f"{FOR} --sample-break-mode eos, --add-bos-token": (
        *("--sample-break-mode", "eos", "--add-bos-token"),
    ),
    f"{FOR} --sample-break-mode complete, --pad-to-fixed-length": (
        *("--sample-break-mode", "complete", "--pad-to-fixed-length"),
    ),
    f"{FOR} --sample-break-mode none, --output-dictionary-size, --max-target-positions": (
        *("--sample-break-mode", "none", "--output-dictionary-size", 20),
        *("--max-target-positions", 40),
    ),
}


@pytest.mark.parametrize("option", verdict(WORKS, EQUAL))
@pytest.mark.parametrize("sharing", [SHARED, ADMIN], ids=["shared", "shared-admin"])
def test_equal_to_an_unshared_copy(sharing, option):
    _assert_equal(**{**sharing, **EQUAL[option]})


@pytest.mark.parametrize("option", verdict(WORKS, EQUAL_WITHOUT_ADMIN))
def test_equal_to_an_unshared_copy_without_admin(option):
    _assert_equal(**SHARED, **EQUAL_WITHOUT_ADMIN[option])


def _assert_equal(**options):
    twins = LanguageTwins(dropout=0.1, **options)
    twins.assert_same(training=True)
    twins.assert_same(training=False)


@pytest.mark.parametrize("option", verdict(REFUSED, REASONS))
def test_refused(option):
    options, reason = REASONS[option]
    flag = "--" + option.split("--")[-1].split()[0]
    with pytest.raises(SharingError, match=f"{flag}.*{reason}"):
        build(LM, **SHARED, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"adaptive_softmax_cutoff": "__import__('os').getpid()"},
        {"adaptive_input_cutoff": "print()", "adaptive_input": True},
        {"character_filters": "exit()", "character_embeddings": True},
    ],
    ids=lambda options: next(iter(options)),
)
def test_what_fairseq_would_evaluate_is_numbers_alone(options):
    with pytest.raises(SharingError, match="give numbers alone"):
        build(LM, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"adaptive_input": True}, "--adaptive-input needs --adaptive-input-cutoff"),
        ({"tie_adaptive_weights": True}, "--tie-adaptive-weights needs --adaptive-input"),
        (
            {**ADAPTIVE_INPUT, "adaptive_input_cutoff": "10,200"},
            "--adaptive-input-cutoff 10,200: the dictionary has 40 entries",
        ),
        (
            {**UNTIED, "adaptive_softmax_cutoff": "41"},
            "--adaptive-softmax-cutoff 41: the dictionary has 40 entries",
        ),
        (
            {**ADAPTIVE, "tie_adaptive_weights": True, "adaptive_softmax_cutoff": "5,20"},
            "--adaptive-input-cutoff 10,20 and --adaptive-softmax-cutoff 5,20 must be equal",
        ),
    ],
)
def test_what_fairseq_asserts_is_one_line(options, message):
    with pytest.raises(SharingError, match=message):
        build(LM, **options)


@pytest.mark.slow
@pytest.mark.parametrize("option", verdict(WORKS, TASK))
def test_trains_as_fairseqs_model_does_with_an_option_of_the_task(copy_task, tmp_path, option):
    binarised = ("--only-source", "--trainpref", copy_task / "train.a", "--destdir")
    run("fairseq-preprocess", *binarised, tmp_path / "bin")
    archs = ("shared_transformer_lm_tiny", "transformer_lm_gpt2_tiny")
    printed = [
        run(
            *("fairseq-train", tmp_path / "bin", "--user-dir", "fairseq_sharing", "--cpu"),
            *("--task", "language_modeling", "--arch", arch, "--tokens-per-sample", 32),
            *("--batch-size", 16, "--optimizer", "adam", "--lr", 0.002, "--max-update", 4),
            *("--no-save", "--disable-validation", "--log-interval", 1, "--no-progress-bar"),
            *(*UNTHREADED, *TASK[option]),
        ).stdout
        for arch in archs
    ]
    assert len(losses(printed[0])) == 4
    assert losses(printed[0]) == losses(printed[1])


@pytest.mark.parametrize("scripted", verdict(WORKS, [f"{FOR} TorchScript of the decoder"]))
def test_scripted_decoder_gives_the_same(scripted):
    model = build(LM, **SHARED).eval()
    tokens = text_batch()["src_tokens"]
    compiled = torch.jit.script(model.decoder)
    torch.testing.assert_close(compiled(tokens)[0], model(tokens)[0])
