"""Whatever a checkpoint file holds: it reads as it is, or one line says what is wrong with it."""

import argparse
import copy
import io
import os
import signal
import zipfile

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import sharing_options, tiny_args, tiny_model

from fairseq_sharing import SharingError
from fairseq_sharing.checkpoint.average import average
from fairseq_sharing.checkpoint.contents import Checkpoint
from fairseq_sharing.checkpoint.inspect import inspect
from fairseq_sharing.checkpoint.share import share
from fairseq_sharing.checkpoint.strip import strip
from fairseq_sharing.checkpoint.unroll import unroll

SECONDS = 20
VALUES = st.recursive(
    st.one_of(
        *(st.none(), st.booleans(), st.integers(-(2**40), 2**40), st.floats(), st.text(max_size=5)),
        st.sampled_from(["transformer", "cycle_rev", "shared_transformer", "0,1,0", "admin"]),
        st.lists(st.integers(0, 3), max_size=2).map(torch.zeros),
        st.just(argparse.Namespace(arch="transformer")),
    ),
    lambda values: st.one_of(
        st.lists(values, max_size=3), st.dictionaries(st.text(max_size=5), values, max_size=3)
    ),
    max_leaves=4,
)


@pytest.fixture(scope="module")
def content() -> dict:
    """What a small valid file holds: layers shared, residuals scaled."""
    options = sharing_options("cycle_rev", 1) | {"encoder_layers": 2, "decoder_layers": 2}
    options |= {"encoder_embed_dim": 8, "encoder_ffn_embed_dim": 8, "residual_scaling": "admin"}
    args = tiny_args(**options)
    args._name = args.arch
    return {
        "args": None,
        "cfg": {"model": args, "common": {"user_dir": None}, "task": {"_name": "translation"}},
        "model": dict(tiny_model(**options).state_dict()),
        "optimizer_history": [{"num_updates": 10, "lr_scheduler_state": {"best": 3.0}}],
        "extra_state": {"train_iterator": {"epoch": 1}, "val_loss": 4.0, "best": 3.0},
        "last_optimizer_state": {"state": {0: {"exp_avg": torch.ones(8)}}},
        "task_state": {},
    }


def containers(value, path=()):
    """The paths of everything inside nested dictionaries, lists and options."""
    inside = vars(value) if isinstance(value, argparse.Namespace) else value
    pairs = inside.items() if isinstance(inside, dict) else enumerate(inside)
    for key, part in pairs:
        yield (*path, key)
        if isinstance(part, dict | list | argparse.Namespace):
            yield from containers(part, (*path, key))


@st.composite
def altered(draw, content):
    """The content with a few entries missing or replaced."""
    content = copy.deepcopy(content)
    for _ in range(draw(st.integers(1, 3))):
        *path, key = draw(st.sampled_from(list(containers(content)) or [("model",)]))
        part = content
        for step in path:
            part = part[step] if isinstance(part, dict | list) else vars(part)[step]
        inside = vars(part) if isinstance(part, argparse.Namespace) else part
        if isinstance(inside, dict) and draw(st.booleans()):
            inside.pop(key, None)
        else:
            inside[key] = draw(VALUES)
    return content


def use(path, data):
    """One of the tools: it does its work, or says in one line why not, and soon."""
    tool = data.draw(st.sampled_from([inspect, strip, unroll, _share, _average]))
    previous = signal.signal(signal.SIGALRM, _took_too_long)
    signal.alarm(SECONDS)
    try:
        tool(Checkpoint.read(path))
    except SharingError as error:
        lines = str(error).splitlines()
    else:
        lines = []
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)
    assert len(lines) <= 1


def _average(checkpoint):
    return average([checkpoint.path, checkpoint.path])


def _took_too_long(*_):
    raise TimeoutError(f"more than {SECONDS} seconds")


def _share(checkpoint):
    return share(checkpoint, "mean", encoder_layer_map="0,0")


def check_entries(content, path, data):
    torch.save(data.draw(altered(content)), path)
    use(path, data)


def check_bytes(content, path, data):
    """Bytes of the pickle inside the file, which torch's unpickler goes through."""
    whole = io.BytesIO()
    torch.save(content, whole)
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            text = bytearray(old.read(name))
            if name.endswith("data.pkl"):
                for _ in range(data.draw(st.integers(1, 4))):
                    at = data.draw(st.integers(0, len(text) - 1))
                    text[at] = data.draw(st.integers(0, 255))
            new.writestr(name, bytes(text))
    use(path, data)


FAST = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=25)
LONG = settings(FAST, max_examples=3_000)


def test_a_valid_file_is_taken_by_every_tool(content, tmp_path):
    torch.save(content, tmp_path / "any.pt")
    read = Checkpoint.read(tmp_path / "any.pt")
    assert all(torch.equal(read.state[name], value) for name, value in content["model"].items())
    assert inspect(read)["updates"] == 10
    for tool in (strip, unroll, _share):
        tool(read)


@pytest.mark.parametrize("common", [{}, {"common": None}, {"common": {"fp16": True}}])
def test_a_config_needs_no_more_than_a_model(content, tmp_path, common):
    config = {"model": content["cfg"]["model"], **common}
    torch.save(content | {"cfg": config}, tmp_path / "any.pt")
    written = unroll(Checkpoint.read(tmp_path / "any.pt"))
    assert written["cfg"]["common"] == (common.get("common") or {}) | {"user_dir": None}


@FAST
@given(data=st.data())
def test_any_entries(content, tmp_path, data):
    check_entries(content, tmp_path / "any.pt", data)


@FAST
@given(data=st.data())
def test_any_bytes_in_its_pickle(content, tmp_path, data):
    check_bytes(content, tmp_path / "any.pt", data)


@settings(FAST, max_examples=200)
@given(content=st.binary(max_size=200))
def test_any_bytes(tmp_path, content):
    (tmp_path / "any.pt").write_bytes(content)
    with pytest.raises(SharingError, match=r"^checkpoint .*any\.pt: .*$"):
        Checkpoint.read(tmp_path / "any.pt")


@pytest.mark.parametrize("call", ["os.mkdir", "builtins.eval", "torch.load", "subprocess.Popen"])
def test_calls_are_named_and_not_made(tmp_path, call):
    """Written as a pickle by hand: GLOBAL, a tuple of one string, REDUCE."""
    made = tmp_path / "made"
    module, name = call.split(".")
    pickled = f"\x80\x02c{module}\n{name}\nV{made}\n\x85R.".encode("latin-1")
    with zipfile.ZipFile(tmp_path / "any.pt", "w") as file:
        file.writestr("any/data.pkl", pickled)
        file.writestr("any/version", "3\n")
        file.writestr("any/byteorder", "little")
    with pytest.raises(SharingError, match=rf"refused, it asks for \S*{name}, which is not plain"):
        Checkpoint.read(tmp_path / "any.pt")
    assert os.listdir(tmp_path) == ["any.pt"]


@pytest.mark.slow
@LONG
@given(data=st.data())
def test_very_many_entries(content, tmp_path, data):
    check_entries(content, tmp_path / "any.pt", data)


@pytest.mark.slow
@LONG
@given(data=st.data())
def test_very_many_bytes_in_its_pickle(content, tmp_path, data):
    check_bytes(content, tmp_path / "any.pt", data)
