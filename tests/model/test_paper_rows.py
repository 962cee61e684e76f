"""The paper's table in docs/wmt.md: each row builds the model it says, without its weights."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from fairseq import options
from support import dictionary

from fairseq_sharing import SharedTransformerModel, count_parameters
from fairseq_sharing.model.strategies import num_unique_layers

PAGE = Path(__file__).parents[2] / "docs" / "wmt.md"
WITHOUT_ADMIN = {"Vanilla (big)": 209_911_808, "Universal": 62_947_328}
ROWS = [
    [cell.strip() for cell in line.split("|")[1:6]]
    for line in PAGE.read_text().splitlines()
    if "| `--arch" in line
]


@pytest.fixture(scope="module")
def words():
    """A joined dictionary of 32,768 entries, fairseq's four symbols included."""
    return dictionary(32_768 - 4)


@pytest.mark.parametrize(
    ("name", "unique", "depth", "row", "parameters"), ROWS, ids=[f"{r[0]}-{r[2]}" for r in ROWS]
)
def test_row(words, name, unique, depth, row, parameters):
    flags = row.strip("`").split()
    parser = options.get_training_parser()
    args = options.parse_args_and_arch(parser, ["data", *flags, "--share-all-embeddings"])
    task = SimpleNamespace(source_dictionary=words, target_dictionary=words)
    with torch.device("meta"):
        model = SharedTransformerModel.build_model(args, task)
    for layer_map in (one.layers for one in model.maps.values()):
        assert (num_unique_layers(layer_map), len(layer_map)) == (int(unique), int(depth))
    admin = 5 * int(depth) * 512 if "admin" in row else 0
    assert count_parameters(model) == WITHOUT_ADMIN.get(name, 60_915_712) + admin
    assert f"{count_parameters(model):,}" == parameters


def test_every_row_of_the_paper_is_there():
    assert [row[0] for row in ROWS] == [
        *("Vanilla", "Admin", "Universal", "Vanilla (big)"),
        *["Sequence", "Cycle", "Cycle (rev)"] * 2,
    ]
