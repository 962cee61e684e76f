"""A model trained by fairseq-train, and checkpoints of random models as fairseq would save them."""

from pathlib import Path

import pytest
import torch
from fairseq import utils
from shipping import Trained, train_once
from support import tiny_args, tiny_model


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Trained:
    """Cycle (rev), N=4, M=2, on a toy language pair, with SentencePiece."""
    return train_once(tmp_path_factory.getbasetemp() / "trained model")


@pytest.fixture
def save(tmp_path):
    """Saves a random tiny model of given options as fairseq does; returns the path.

    The model goes through fairseq's ``move_to_cpu`` in half precision, so that every tensor is
    copied and no two names share memory, as when it comes from a GPU. It is one of 10 updates with
    seed 1, of 20 with seed 2.
    """

    def save_as(name: str = "checkpoint.pt", *, seed: int = 1, **options) -> Path:
        args = tiny_args(**options)
        args._name = args.arch
        model = tiny_model(seed, **options).half()
        model.set_num_updates(10 * seed)
        content = {
            "args": None,
            "cfg": {"model": args, "common": {"user_dir": "elsewhere"}, "task": None},
            "model": utils.move_to_cpu(model.state_dict()),
            "optimizer_history": [{"num_updates": 10 * seed}],
            "extra_state": {"train_iterator": {"epoch": seed}, "val_loss": 4.0, "best": 3.0},
            "last_optimizer_state": {"state": {0: {"exp_avg": torch.ones(1000)}}},
        }
        torch.save(content, tmp_path / name)
        return tmp_path / name

    return save_as


@pytest.fixture
def tool(capsys):
    """Runs ``fairseq-sharing checkpoint``; returns the exit status and what it printed."""
    from fairseq_sharing.cli import main

    def call(*arguments: object) -> tuple[int, str, str]:
        status = main(["checkpoint", *map(str, arguments)])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return call
