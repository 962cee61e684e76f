"""Whatever an experiment's file holds: it loads, or one line says what is wrong with it."""

import copy
import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairseq_sharing import SharingError
from fairseq_sharing.experiment.experiment import settings_of
from fairseq_sharing.experiment.file import from_tables, load
from fairseq_sharing.experiment.runs import runs_of

WORDS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(["none", "cycle", "0,1,1,0", "en", "test", "valid", "vanilla", "max-update"]),
)
VALUES = st.recursive(
    st.one_of(st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.dates(), WORDS),
    lambda values: st.one_of(
        st.lists(values, max_size=3), st.dictionaries(WORDS, values, max_size=3)
    ),
    max_leaves=6,
)
ALSO = {
    "test_sets": [{"name": "test"}, {"name": "more", "origin": "file", "options": {"beam": 1}}],
    "batch_tokens": 1200,
    "average_epochs": 2,
}
SIDES = {
    "encoder": {"layer_map": "0,1,0"},
    "decoder": {"strategy": "cycle", "layers": 2, "unique_layers": 1},
}


def places(tables, path=()):
    """Every key and list item of nested tables, as a path to it."""
    pairs = tables.items() if isinstance(tables, dict) else enumerate(tables)
    for key, value in pairs:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


@st.composite
def altered(draw, tables):
    """Tables in which a few values are others, missing, or under another name."""
    tables = copy.deepcopy(tables)
    for _ in range(draw(st.integers(1, 3))):
        *path, key = draw(st.sampled_from(list(places(tables)) or [("seeds",)]))
        part = tables
        for step in path:
            part = part[step]
        value = part.pop(key) if key in part or isinstance(part, list) else None
        kind = draw(st.sampled_from(["other", "missing", "renamed"]))
        if isinstance(part, list):
            part.insert(key, draw(VALUES))
        elif kind != "missing":
            part[key if kind == "other" else draw(WORDS)] = (
                draw(VALUES) if kind == "other" else value
            )
    return tables


def loads_or_one_line(read, *arguments, **options):
    """What is wrong, or None; what loads can be stored as JSON, each run in a folder of its own."""
    try:
        experiment = read(*arguments, **options)
    except SharingError as error:
        return _one_line(str(error))
    runs = runs_of(experiment, Path("runs"))
    for run in runs:
        json.dumps(run.training.settings)
    json.dumps(settings_of(experiment.data))
    assert len({run.folder for run in runs}) == len(runs)
    return None


def _one_line(message):
    assert "\n" not in message
    return message


def tables_of(text: str) -> dict:
    tables = tomllib.loads(text)
    del tables["quick"]
    tables["systems"][1] = {"name": "sides", "grow_depth_at": [0.5]} | SIDES
    tables["data"] |= {"held_out_sets": ["a"], "sets": ["a", "b"], "max_ratio": 2.0}
    return tables | ALSO


def check_tables(tiny_text, data):
    tables = data.draw(altered(tables_of(tiny_text)))
    loads_or_one_line(from_tables, "any", tables)


def check_text(tiny_text, tmp_path, data):
    text = tiny_text
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(at, min(at + 30, len(text))))
        text = (
            text[:at]
            + data.draw(st.one_of(WORDS, st.sampled_from(list('[]={}"\n#.'))))
            + text[end:]
        )
    path = tmp_path / "any.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    for quick in (False, True):
        loads_or_one_line(load, path, quick=quick)


FAST = settings(deadline=None, suppress_health_check=list(HealthCheck))
LONG = settings(FAST, max_examples=20_000)


def test_the_whole_experiment_loads(tiny_text):
    tables = tables_of(tiny_text)
    tables["test_sets"][1]["origin"] = "sacrebleu:wmt13"
    assert loads_or_one_line(from_tables, "any", tables) is None


@FAST
@given(data=st.data())
def test_any_tables(tiny_text, data):
    check_tables(tiny_text, data)


@FAST
@given(data=st.data())
def test_any_text(tiny_text, tmp_path, data):
    check_text(tiny_text, tmp_path, data)


@FAST
@given(content=st.binary(max_size=60))
def test_any_bytes(tmp_path, content):
    path = tmp_path / "any.toml"
    path.write_bytes(content)
    loads_or_one_line(load, path)


@pytest.mark.slow
@LONG
@given(data=st.data())
def test_very_many_tables(tiny_text, data):
    check_tables(tiny_text, data)


@pytest.mark.slow
@LONG
@given(data=st.data())
def test_very_many_texts(tiny_text, tmp_path, data):
    check_text(tiny_text, tmp_path, data)
