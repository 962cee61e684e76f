"""Two processes with half of each batch train as one with all of it does."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from equality import build
from support import batch, sharing_options
from training import (
    ADMIN,
    GROWING,
    SHARED,
    TINY,
    largest_difference,
    measured,
    saved,
    train,
    train_in_two_processes,
)
from verdicts import REFUSED, WORKS, verdict

from fairseq_sharing import SharingError
from fairseq_sharing.model.admin import ScaledResidualNorm
from fairseq_sharing.patches.data_parallel import data_parallel

pytestmark = pytest.mark.slow

BACKENDS = ["pytorch_ddp", "legacy_ddp"]
HALF = ("--batch-size", 8)


@pytest.mark.parametrize("backend", verdict(WORKS, [f"--ddp-backend {b}" for b in BACKENDS]))
@pytest.mark.parametrize("model", [TINY, ADMIN], ids=["unshared", "shared-admin"])
def test_losses_gradients_and_parameters_are_those_of_one(copy_task, tmp_path, model, backend):
    """Admin's first update sets what both go on with: its variances are means of the halves'."""
    train_in_two_processes(copy_task, tmp_path / "two", *model, *HALF, *backend.split())
    first = tmp_path / "two" / "checkpoint_1_1.pt"
    train(copy_task, tmp_path / "one", *model, "--restore-file", first)
    for update in (2, 3, 4):
        one, two = (saved(tmp_path / name, update) for name in ("one", "two"))
        assert measured(two) == pytest.approx(measured(one), rel=1e-5)
        print(f"update {update}: largest difference {largest_difference(one, two):.1e}")
        assert largest_difference(one, two) < 1e-5


PARTS = (*TINY, "--decoder-cross-attention-map", "0,1,0,1", "--encoder-ffn-map", "0,0,0,0")
OF_PARTS = [f"--share-sublayers with --ddp-backend {backend}" for backend in BACKENDS]


OWN = (*SHARED, "--own", "norms,biases,scales", "--own-rank", 2)
OF_OWN = [f"--own with --ddp-backend {backend}" for backend in BACKENDS]


@pytest.mark.parametrize("option", verdict(WORKS, [*OF_PARTS, *OF_OWN]))
def test_sublayers_with_maps_or_parts_of_their_own_are_those_of_one(copy_task, tmp_path, option):
    model = OWN if option.startswith("--own") else PARTS
    train_in_two_processes(copy_task, tmp_path / "two", *model, *HALF, *option.split()[-2:])
    train(copy_task, tmp_path / "one", *model)
    one, two = (saved(tmp_path / name) for name in ("one", "two"))
    assert largest_difference(one, two) < 1e-5


def test_processes_agree_on_the_mean_of_their_variances(tmp_path):
    script = Path(__file__).with_name("measure.py")
    processes = [
        subprocess.Popen(
            [sys.executable, script, str(rank), tmp_path / "meeting"],
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]
    ours, theirs = (json.loads(process.communicate(timeout=300)[0]) for process in processes)
    assert ours == theirs
    variances = [_variances(ours, seed) for seed in (0, 1)]
    means = [(one + two) / 2 for one, two in zip(*variances, strict=True)]
    assert variances[0] != pytest.approx(variances[1], rel=1e-3)
    for side in (slice(0, 8), slice(8, 20)):
        chain = [1, *(mean**0.5 for mean in means[side])]
        assert ours[side] == pytest.approx(chain[:-1], rel=1e-5)


def _variances(starts: list[float], seed: int) -> list[float]:
    """Var(w * x) + Var(f(x)) of each sublayer where w starts from ``starts``."""
    model = build("shared_transformer", **sharing_options("cycle_rev"), residual_scaling="admin")
    model.residual_profile.done = True
    found = []
    norms = [module for module in model.modules() if isinstance(module, ScaledResidualNorm)]
    for norm, start in zip(norms, starts, strict=True):
        norm.residual_start = start

        def add(norm, pair):
            (x, residual) = pair[0]
            weighted = norm.residual_start * residual
            found.append(float(weighted.var(correction=0) + x.var(correction=0)))

        norm.register_forward_pre_hook(add)
    model(**batch(seed=seed))
    return found


RECOMPUTED = "--checkpoint-activations with --ddp-backend"


@pytest.mark.parametrize("option", verdict(WORKS, [f"{RECOMPUTED} legacy_ddp"]))
def test_recomputed_activations_give_the_same(copy_task, tmp_path, option):
    recomputed = option.replace(" with", "").split()
    train_in_two_processes(copy_task, tmp_path / "two", *ADMIN, *HALF, *recomputed, updates=2)
    first = tmp_path / "two" / "checkpoint_1_1.pt"
    train(copy_task, tmp_path / "one", *ADMIN, "--restore-file", first, updates=2)
    assert largest_difference(saved(tmp_path / "one"), saved(tmp_path / "two")) < 1e-5


@pytest.mark.parametrize("option", verdict(REFUSED, [f"{RECOMPUTED} pytorch_ddp"]))
def test_recomputed_activations_of_shared_layers_are_refused(option):
    plain = build("shared_transformer", checkpoint_activations=True)
    shared = build("shared_transformer", checkpoint_activations=True, **sharing_options("cycle"))
    with pytest.raises(SharingError, match=option.replace(" with", ".*")):
        data_parallel(shared)
    with pytest.raises(ValueError, match="process group"):  # as far as it gets in one process
        data_parallel(plain)


GROWS = "--grow-depth-at with"


@pytest.mark.parametrize(
    "option",
    verdict(
        WORKS,
        [
            *(f"{GROWS} --ddp-backend {backend}" for backend in BACKENDS),
            f"{GROWS} --checkpoint-activations --ddp-backend legacy_ddp",
        ],
    ),
)
def test_both_grow_at_the_same_update(copy_task, tmp_path, option):
    options = (*GROWING, *option.removeprefix(GROWS).split())
    printed = train_in_two_processes(copy_task, tmp_path / "two", *options, *HALF)
    assert "depth after update 2: encoder 2 -> 4 of 4 layers" in printed[0]
    train(copy_task, tmp_path / "one", *options)
    for update in (1, 2, 3, 4):
        one, two = (saved(tmp_path / name, update) for name in ("one", "two"))
        assert measured(two) == pytest.approx(measured(one), rel=1e-5)
        assert largest_difference(one, two) < 1e-5
