"""fairseq's ways of decoding: a shared Admin model finds what its unshared copy finds."""

from argparse import Namespace

import pytest
import torch
from equality import Twins
from fairseq.sequence_generator import SequenceGenerator
from fairseq.tasks.translation import TranslationConfig, TranslationTask
from fairseq.token_generation_constraints import pack_constraints
from support import batch, dictionary, sharing_options
from verdicts import WORKS, verdict

ADMIN = {
    **sharing_options("cycle_rev"),
    "residual_scaling": "admin",
    "share_all_embeddings": False,  # else an untrained decoder repeats its input
}
PREFIX = torch.tensor([[5, 6], [7, 8], [9, 10]])
CONSTRAINTS = [[torch.tensor([11]), torch.tensor([12, 13])], [torch.tensor([14])], []]

SEARCHES = {
    "--beam": {},
    "--lenpen, --unkpen, --min-len": {"lenpen": 0.6, "unkpen": 1.0, "min_len": 4},
    "--prefix-size": {},
    "--constraints": {"constraints": "ordered"},
    "--sampling": {"sampling": True},
    "--sampling-topk": {"sampling": True, "sampling_topk": 5},
    "--sampling-topp": {"sampling": True, "sampling_topp": 0.8},
    "--diverse-beam-groups": {"diverse_beam_groups": 2},
    "--diversity-rate": {"diversity_rate": 0.5},
    "--match-source-len": {"match_source_len": True},
    "--print-alignment": {"print_alignment": "hard"},
    "--score-reference": {"score_reference": True},
}
RETAINED = {
    "--retain-dropout": None,
    "--retain-dropout-modules": ["TransformerEncoderLayerBase", "TransformerDecoder"],
}


def translate(models, option="--beam", **settings):
    """What fairseq's task finds for the test batch with the same random numbers every time."""
    task = TranslationTask(TranslationConfig(), dictionary(), dictionary())
    generator = task.build_generator(models, Namespace(beam=4, max_len_b=8, **settings))
    inputs = batch()
    prev = inputs["prev_output_tokens"]
    sample = {"net_input": inputs, "target": torch.cat([prev[:, 1:], prev[:, :1]], dim=1)}
    torch.manual_seed(5)
    return task.inference_step(
        generator,
        models,
        sample,
        prefix_tokens=PREFIX if option == "--prefix-size" else None,
        constraints=pack_constraints(CONSTRAINTS) if option == "--constraints" else None,
    )


def assert_same(ours, theirs):
    for beam, expected in zip(ours, theirs, strict=True):
        for one, other in zip(beam, expected, strict=True):
            assert one["tokens"].tolist() == other["tokens"].tolist()
            for part in ("score", "positional_scores", "alignment"):
                torch.testing.assert_close(one.get(part), other.get(part), atol=1e-5, rtol=1e-5)


@pytest.fixture(scope="module")
def twins():
    made = Twins(**ADMIN)
    made.shared.eval()
    made.plain.eval()
    return made


@pytest.mark.parametrize("option", verdict(WORKS, SEARCHES))
def test_finds_what_the_copy_finds(twins, option):
    found = [
        translate([model], option, **SEARCHES[option]) for model in (twins.shared, twins.plain)
    ]
    assert_same(*found)


@pytest.mark.parametrize("option", verdict(WORKS, RETAINED))
def test_retained_dropout_drops_what_it_drops_in_the_copy(option):
    twins = Twins(**ADMIN, dropout=0.2)
    generation = Namespace(retain_dropout=True, retain_dropout_modules=RETAINED[option])
    found = []
    for model in (twins.shared, twins.plain):
        without = translate([model.eval()])
        model.prepare_for_inference_(Namespace(generation=generation))
        found.append(translate([model]))
        assert all(
            abs(one[0]["score"] - other[0]["score"]) > 1e-3
            for one, other in zip(without, found[-1], strict=True)
        )
    assert_same(*found)


@pytest.mark.parametrize("ensemble", verdict(WORKS, ["ensembles (--path A:B)"]))
def test_ensembles_find_what_ensembles_of_copies_find(twins, ensemble):
    other = Twins(**{**ADMIN, "sharing_strategy": "sequence"}, encoder_embed_dim=32)
    other.shared.eval()
    other.plain.eval()
    assert_same(
        translate([twins.shared, other.shared]),
        translate([twins.plain, other.plain]),
    )


@pytest.mark.parametrize("scripted", verdict(WORKS, ["TorchScript"]))
@pytest.mark.parametrize("scaling", ["none", "admin"])
def test_scripted_and_reloaded_models_give_the_same(scripted, scaling, tmp_path):
    model = Twins(**{**ADMIN, "residual_scaling": scaling}).shared.eval()
    torch.jit.save(torch.jit.script(model), tmp_path / "model.pt")
    reloaded = torch.jit.load(tmp_path / "model.pt")
    torch.testing.assert_close(reloaded(**batch())[0], model(**batch())[0], atol=1e-5, rtol=0)
    generator = SequenceGenerator([model], dictionary(), beam_size=4, max_len_b=8)
    torch.jit.save(torch.jit.script(generator), tmp_path / "generator.pt")
    decoding = torch.jit.load(tmp_path / "generator.pt")
    sample = {"net_input": batch()}
    assert_same(decoding(sample), generator(sample))
