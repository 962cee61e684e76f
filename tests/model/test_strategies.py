"""The maps: golden tables, properties, and what is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import DATA

from fairseq_sharing import SharingError, layer_map, parse_layer_map
from fairseq_sharing.model.strategies import (
    FIXED_UNIQUE,
    STRATEGIES,
    check_layer_map,
    first_uses,
    format_layer_map,
    num_unique_layers,
)

MEASURED = json.loads((DATA / "layer_maps.json").read_text())

GOLDEN = [
    ("none", 4, None, "0,1,2,3"),
    ("universal", 6, None, "0,0,0,0,0,0"),
    ("sequence", 6, 3, "0,0,1,1,2,2"),
    ("sequence", 18, 6, "0,0,0,1,1,1,2,2,2,3,3,3,4,4,4,5,5,5"),
    ("sequence", 7, 3, "0,0,0,1,1,2,2"),
    ("sequence", 5, 4, "0,0,1,2,3"),
    ("cycle", 6, 3, "0,1,2,0,1,2"),
    ("cycle", 7, 3, "0,1,2,0,1,2,0"),
    ("cycle_rev", 6, 3, "0,1,2,2,1,0"),
    ("cycle_rev", 18, 6, "0,1,2,3,4,5,0,1,2,3,4,5,5,4,3,2,1,0"),
    ("middle_cycle", 6, 4, "0,1,2,1,2,3"),
    ("middle_sequence", 7, 4, "0,1,1,1,2,2,3"),
    ("middle_cycle", 3, 3, "0,1,2"),
]


@pytest.mark.parametrize(("strategy", "layers", "unique", "expected"), GOLDEN)
def test_golden_maps(strategy, layers, unique, expected):
    assert format_layer_map(layer_map(strategy, layers, unique)) == expected


@pytest.mark.parametrize("row", MEASURED, ids=lambda row: str(list(row.values())[:3]))
def test_maps_of_the_released_implementation(row):
    unique = None if row["strategy"] in FIXED_UNIQUE else row["num_unique"]
    assert list(layer_map(row["strategy"], row["num_layers"], unique)) == row["layer_map"]


@st.composite
def asked(draw):
    strategy = draw(st.sampled_from(sorted(STRATEGIES)))
    layers = draw(st.integers(3, 40))
    least = 3 if strategy.startswith("middle_") else 1
    unique = None if strategy in FIXED_UNIQUE else draw(st.integers(least, layers))
    return strategy, layers, unique


@given(asked())
def test_every_map_has_n_entries_uses_each_unique_layer_and_numbers_them_by_first_use(case):
    strategy, layers, unique = case
    made = layer_map(*case)
    check_layer_map(made, layers)
    assert num_unique_layers(made) == (unique or FIXED_UNIQUE[strategy](layers))
    assert parse_layer_map(format_layer_map(made), layers) == made
    assert all(made[first] == made[i] for i, first in enumerate(first_uses(made)))


@given(st.sampled_from(["sequence", "cycle", "cycle_rev"]), st.integers(1, 40))
def test_as_many_unique_layers_as_layers_shares_nothing(strategy, layers):
    assert layer_map(strategy, layers, layers) == layer_map("none", layers)


@given(st.integers(1, 12), st.integers(2, 6))
def test_rules_where_m_divides_n(unique, times):
    layers = unique * times
    assert layer_map("cycle", layers, unique) == tuple(range(unique)) * times
    assert layer_map("sequence", layers, unique) == tuple(sorted(tuple(range(unique)) * times))
    backward = layer_map("cycle_rev", layers, unique)
    assert backward[:-unique] == layer_map("cycle", layers - unique, unique)
    assert backward[-unique:] == tuple(range(unique))[::-1]


@given(st.integers(1, 40), st.integers(1, 40))
def test_sequence_blocks_differ_by_at_most_one_and_longer_ones_come_first(layers, unique):
    if unique > layers:
        return
    made = layer_map("sequence", layers, unique)
    sizes = [made.count(u) for u in range(unique)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] - sizes[-1] <= 1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("zigzag", 6, 3), "'zigzag'; valid are none, universal, sequence"),
        (("cycle", 6), "needs a number of unique layers, from 1 to 6"),
        (("cycle", 6, 0), "at least 1, got 0"),
        (("cycle", 6, 7), "1 to 6 unique layers, got 7"),
        (("cycle", 0, 1), "at least 1, got 0"),
        (("none", 2**70), "number of layers must be at most 10,000"),
        (("universal", 10**9), "number of layers must be at most 10,000"),
        (("cycle", 6, 2.0), "whole number"),
        (("universal", 6, 2), "got 2; leave it out"),
        (("none", 6, 3), "got 3; leave it out"),
        (("middle_cycle", 6, 2), "3 to 6 unique layers, got 2"),
        (("middle_sequence", 2, 2), "at least 3 layers"),
    ],
)
def test_wrong_counts_are_refused_with_what_is_valid(arguments, named):
    with pytest.raises(SharingError) as refused:
        layer_map(*arguments)
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("0,1,1", "3 entries for 4 layers"),
        ("0,2,1,0", "entry 2 at layer 1 must be from 0 to 1"),
        ("1,0,1,0", "entry 1 at layer 0 must be from 0 to 0"),
        ("0,-1,1,0", "entry -1"),
        ("0,1.5,1,0", "whole numbers"),
        ("0,1,,0", "whole numbers"),
        ("", "whole numbers"),
        ("a,b,c,d", "whole numbers"),
        ([0, 1, 1, 0], "[0, 1, 1, 0]: give whole numbers separated by commas"),
    ],
)
def test_wrong_explicit_maps_are_refused(text, named):
    with pytest.raises(SharingError) as refused:
        parse_layer_map(text, 4)
    assert named in str(refused.value)


TEXTS = st.one_of(
    st.text(max_size=12),
    st.text("0123,-+_ .²٣e", max_size=12),
    st.lists(st.integers(-2, 5), max_size=8).map(lambda entries: ",".join(map(str, entries))),
    st.integers(4000, 5000).map(lambda digits: "9" * digits),
)


@given(TEXTS, st.one_of(st.none(), st.integers(-1, 8)))
def test_any_text_is_a_map_or_one_line(text, layers):
    try:
        found = parse_layer_map(text, layers)
    except SharingError as error:
        message = str(error)
    else:
        message = ""
        assert parse_layer_map(format_layer_map(found), layers) == found
        assert sorted(set(found)) == list(range(num_unique_layers(found)))
    assert len(message.splitlines()) <= 1


@given(
    st.one_of(st.sampled_from(list(STRATEGIES)), st.text(max_size=5)),
    st.one_of(st.integers(-3, 40), st.integers(), st.booleans(), st.none()),
    st.one_of(st.integers(-3, 40), st.integers(), st.booleans(), st.none()),
)
def test_any_arguments_are_a_map_or_one_line(strategy, layers, unique):
    try:
        found = layer_map(strategy, layers, unique)
    except SharingError as error:
        message = str(error)
    else:
        message = ""
        assert len(found) == layers
    assert len(message.splitlines()) <= 1
