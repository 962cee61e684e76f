"""The toy model of the checkpoint tools' tests, and its export."""

from pathlib import Path

import pytest
from shipping import Trained, train_once

from fairseq_sharing.checkpoint.contents import Checkpoint
from fairseq_sharing.export.ct2 import export_ct2


@pytest.fixture(scope="session")
def trained(tmp_path_factory) -> Trained:
    """Cycle (rev), N=4, M=2, on a toy language pair, with SentencePiece."""
    return train_once(tmp_path_factory.getbasetemp() / "trained model")


@pytest.fixture(scope="session")
def exported(trained, tmp_path_factory) -> Path:
    """That model in float32 for CTranslate2."""
    folder = tmp_path_factory.mktemp("export") / "en-de"
    export_ct2(Checkpoint.read(trained.last), trained.data, folder, sentencepiece=trained.spm)
    return folder
