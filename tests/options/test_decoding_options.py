"""fairseq's ways of decoding: a shared Admin model finds what its unshared copy finds."""

from argparse import Namespace

import pytest
import torch
from equality import Twins
from fairseq.sequence_generator import SequenceGenerator
from searches import SEARCHES, assert_same, translate
from support import batch, dictionary, sharing_options
from verdicts import WORKS, verdict

ADMIN = {
    **sharing_options("cycle_rev"),
    "residual_scaling": "admin",
    "share_all_embeddings": False,  # else an untrained decoder repeats its input
}
RETAINED = {
    "--retain-dropout": None,
    "--retain-dropout-modules": ["TransformerEncoderLayerBase", "TransformerDecoder"],
}


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
