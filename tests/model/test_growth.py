"""When a stack grows and which layers run then: properties, and what is refused."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import sharing_options, tiny_model
from training import TINY, train

from fairseq_sharing import SharingError
from fairseq_sharing.model.growth import (
    NEVER,
    Schedule,
    growth_order,
    parse_schedule,
    running_map,
    running_positions,
)
from fairseq_sharing.model.strategies import check_layer_map, num_unique_layers
from fairseq_sharing.model.sublayers import SideMap

SCHEDULES = st.sets(st.integers(1, 60), max_size=5).map(
    lambda steps: Schedule(tuple(sorted(steps)))
)


@st.composite
def maps(draw):
    """Any map: its unique layers are numbered by first use."""
    layers: list[int] = []
    for _ in range(draw(st.integers(1, 16))):
        layers.append(draw(st.integers(0, max(layers, default=-1) + 1)))
    return tuple(layers)


@pytest.mark.parametrize(
    ("layers", "order"),
    [
        ((0, 0, 1, 1), (0, 2, 1, 3)),
        ((0, 1, 1, 0), (0, 1, 2, 3)),
        ((0, 0, 0, 1, 1, 2), (0, 3, 5, 1, 4, 2)),
        ((0, 0, 0), (0, 1, 2)),
        ((0, 1, 2, 1, 2, 3), (0, 1, 2, 5, 3, 4)),
    ],
)
def test_orders_by_hand(layers, order):
    assert growth_order(layers) == order


@given(maps())
def test_every_position_comes_once_and_one_of_each_kind_first(layers):
    order = growth_order(layers)
    assert sorted(order) == list(range(len(layers)))
    unique = num_unique_layers(layers)
    side_map = SideMap({"ffn": layers})
    assert running_map(side_map, unique).layers == tuple(range(unique))
    assert running_map(side_map, len(layers)) == side_map


@given(maps(), st.data())
def test_what_runs_is_a_map_to_which_a_deeper_one_adds(layers, data):
    depth = data.draw(st.integers(num_unique_layers(layers), len(layers)))
    running = running_map(SideMap({"ffn": layers}), depth).layers
    check_layer_map(running, depth)
    assert num_unique_layers(running) == num_unique_layers(layers)
    assert set(running_positions(layers, depth)) <= set(running_positions(layers, depth + 1))


@given(maps(), SCHEDULES)
def test_depth_goes_from_m_to_n_and_never_back(layers, schedule):
    depths = [schedule.depth(layers, updates) for updates in range(62)]
    assert depths == sorted(depths)
    assert depths[-1] == len(layers)
    assert depths[0] == (num_unique_layers(layers) if schedule.steps else len(layers))
    changes = {u for u in range(1, 62) if depths[u] != depths[u - 1]}
    assert changes <= set(schedule.steps)


@pytest.mark.parametrize(
    ("steps", "depths"), [((1,), [2, 7]), ((1, 2), [2, 4, 7]), ((1, 2, 3), [2, 3, 5, 7])]
)
def test_steps_are_as_equal_as_can_be(steps, depths):
    schedule = Schedule(steps)
    layers = (0, 1, 0, 1, 0, 1, 0)
    assert [schedule.depth(layers, updates) for updates in range(len(steps) + 1)] == depths


@given(SCHEDULES, st.integers(1, 80))
def test_phases_cover_the_training_and_have_one_depth_each(schedule, max_update):
    phases = list(schedule.phases(max_update))
    covered = [update for first, end in phases for update in range(first, end)]
    assert covered == list(range(max_update))
    layers = (0,) * 12
    for first, end in phases:
        assert schedule.depth(layers, first) == schedule.depth(layers, end - 1)


@given(SCHEDULES)
def test_the_text_of_a_schedule_is_read_back(schedule):
    text = str(schedule) if schedule.steps else None
    assert parse_schedule(text) == schedule


def test_no_schedule_is_full_depth():
    assert parse_schedule(None) == NEVER
    assert NEVER.depth((0, 1, 0), 0) == 3


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "ten", "1.5", "10,", "10,10", "20,10", "0,10", "1;2", "True", "1e3"]
)
def test_what_is_no_schedule_is_one_line(text):
    with pytest.raises(SharingError, match=r"^--grow-depth-at .*at least 1 and incr") as error:
        tiny_model(grow_depth_at=text, **sharing_options("cycle_rev"))
    assert "\n" not in str(error.value)


TWO_TO_ADD = {"encoder_layer_map": "0,1,2,0", "decoder_layer_map": "0,0,1,1"}
REFUSED = {
    "no sharing": ({}, r"10: every layer has parameters of its own \(4 in the encoder, 4 in the"),
    "M = N": (sharing_options("cycle", 4), "10: every layer has parameters of its own"),
    "a map that shares nothing": (
        {"encoder_layer_map": "0,1,2,3", "decoder_layer_map": "0,1,2,3"},
        "share layers by --sharing-strategy or a map, or drop it",
    ),
    "more steps than layers": (
        {**TWO_TO_ADD, "grow_depth_at": "1,2,3"},
        "1,2,3: 3 steps, but the deepest side has 2 layers to add; give at most 2 numbers",
    ),
    "admin": (
        {**sharing_options("cycle"), "residual_scaling": "admin"},
        "cannot go with --residual-scaling admin",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_in_one_line(case):
    options, reason = REFUSED[case]
    with pytest.raises(SharingError, match=f"^--grow-depth-at .*{reason}") as error:
        tiny_model(**{"grow_depth_at": "10", **options})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("side", ["encoder", "decoder"])
def test_layerdrop_is_refused(side):
    options = {f"{side}_layerdrop": 0.1, **sharing_options("cycle")}
    with pytest.raises(SharingError, match=f"^--{side}-layerdrop 0.1 .*--grow-depth-at"):
        tiny_model(grow_depth_at="10", **options)


@pytest.mark.parametrize(
    ("max_update", "warned"), [(0, False), (21, False), (20, True), (15, True), (5, True)]
)
def test_steps_past_the_end_are_warned_of(max_update, warned, caplog):
    with caplog.at_level(logging.WARNING):
        tiny_model(grow_depth_at="10,20", max_update=max_update, **sharing_options("cycle", 2))
    assert bool(caplog.messages) == warned
    first = 10 if max_update <= 10 else 20
    for message in caplog.messages:
        assert f"after --max-update {max_update}, before it would grow at {first}" in message


def test_fairseq_train_ends_with_the_line(copy_task, tmp_path):
    refused = train(copy_task, tmp_path, *TINY, "--grow-depth-at", 10, check=False)
    assert refused.returncode != 0
    assert refused.stdout.splitlines()[-1].startswith("error: --grow-depth-at 10: every layer")
    assert "Traceback" not in refused.stdout
