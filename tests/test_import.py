"""Importing the plugin: without fairseq, twice, and what it changes."""

import argparse

import torch
from support import PLUGIN, run

import fairseq_sharing
from fairseq_sharing.patches import compat

WITHOUT_FAIRSEQ = """
import sys
from importlib import util
found = util.find_spec
util.find_spec = lambda name, *more: None if name == "fairseq" else found(name, *more)
sys.argv = ["fairseq-sharing"]
import fairseq_sharing
"""


def test_without_fairseq_one_line_says_how_to_install_it():
    refused = run("python", "-c", WITHOUT_FAIRSEQ, check=False)
    assert refused.returncode == 1
    assert refused.stdout.count("\n") == 1
    assert "pip install ve-fairseq (Python 3.11 or 3.12) or fairseq-fixed" in refused.stdout


INTERRUPTED = """
import sys
from importlib import util
def interrupt(name):
    raise KeyboardInterrupt
util.find_spec = interrupt
sys.argv = ["fairseq-sharing"]
import fairseq_sharing
"""


def test_an_interruption_while_fairseq_is_imported_is_one_line():
    stopped = run("python", "-c", INTERRUPTED, check=False)
    assert stopped.returncode != 0
    assert stopped.stdout == "error: interrupted\n"


def test_within_a_program_without_arguments_it_is_imported():
    """As Python is that is embedded in another program."""
    embedded = "import sys; sys.argv = []; import fairseq_sharing; print('imported')"
    assert run("python", "-c", embedded).stdout.endswith("imported\n")


def test_importing_again_registers_nothing_twice():
    again = (
        "import sys, argparse, fairseq_sharing\n"
        "[sys.modules.pop(name) for name in list(sys.modules) if name.startswith('fairseq_sh')]\n"
        "import fairseq_sharing\n"
        "from fairseq import utils\n"
        f"utils.import_user_module(argparse.Namespace(user_dir={PLUGIN!r}))\n"
        "print('imported twice')"
    )
    assert "imported twice" in run("python", "-c", again).stdout


def test_applying_the_changes_again_changes_nothing():
    loader = compat.checkpoint_utils.load_checkpoint_to_cpu
    compat.apply()
    assert compat.checkpoint_utils.load_checkpoint_to_cpu is loader
    assert argparse.Namespace in torch.serialization.get_safe_globals()


def test_other_programs_keep_their_tracebacks():
    failing = "import fairseq_sharing; fairseq_sharing.layer_map('zigzag', 3)"
    assert "Traceback" in run("python", "-c", failing, check=False).stdout


def test_what_the_package_offers():
    for name in fairseq_sharing.__all__:
        assert getattr(fairseq_sharing, name)
