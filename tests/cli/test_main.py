"""The command ``fairseq-sharing`` itself, whatever the subcommand: its errors are one line."""

import os
import subprocess

import pytest
import torch
from support import BIN, PLUGIN, run

import fairseq_sharing
from fairseq_sharing_command import SUBCOMMANDS, main

DESCRIBE = ("describe", "--strategy", "cycle", "--layers", "6", "--unique-layers", "3")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((), "fairseq-sharing: error: the following arguments are required: COMMAND"),
        (("describe", "--layers", "x"), "argument --layers: invalid int value: 'x'"),
        (("checkpoint", "strip"), "fairseq-sharing checkpoint strip: error: "),
    ],
    ids=str,
)
def test_a_wrong_command_line_is_one_line_that_names_the_help(arguments, line, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    assert line in printed
    assert printed.endswith(" --help\n")
    assert printed.count("\n") == 1


def test_a_path_that_no_disk_takes_is_one_line(capsys):
    assert main(["checkpoint", "inspect", "a" * 300]) == 2
    printed = capsys.readouterr().err
    assert printed == f"fairseq-sharing: error: cannot use {'a' * 300}: File name too long; " + (
        "check the path\n"
    )


def test_a_name_that_is_not_utf_8_is_one_line(capsys):
    assert main(["prepare", "demo", "--src", "caf\udce9.en", "--tgt", "x"]) == 2
    printed = capsys.readouterr().err
    assert printed == (
        "fairseq-sharing: error: 'caf\\udce9.en' is not UTF-8, which all records are: rename it\n"
    )


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_whoever_reads_may_stop_reading(options):
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [BIN / "fairseq-sharing", *DESCRIBE, *options], stdout=writing, stderr=subprocess.PIPE
    )
    os.close(writing)
    assert ended.returncode != 0
    assert ended.stderr == b""


@pytest.mark.parametrize("command", SUBCOMMANDS)
def test_every_subcommand_has_an_example_in_its_help(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert f"fairseq-sharing {command}" in printed
    assert "Example: " in printed


WITHOUT_TORCH = """
import sys
sys.modules["fairseq"] = sys.modules["torch"] = None
from fairseq_sharing_command import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (("--version",), f"fairseq_sharing {fairseq_sharing.__version__}\n"),
        (("user-dir",), f"{PLUGIN}\n"),
        (("--help",), "train an experiment's systems side by side"),
    ],
    ids=str,
)
def test_what_needs_no_model_imports_neither_fairseq_nor_torch(arguments, printed, tmp_path):
    assert printed in run("python", "-c", WITHOUT_TORCH, *arguments, cwd=tmp_path).stdout


def test_only_the_subcommand_asked_for_is_imported():
    asked = (
        "import sys; from fairseq_sharing_command import main; main(sys.argv[1:]); "
        "sys.exit('fairseq_sharing.cli.plan' in sys.modules)"
    )
    run("python", "-c", asked, *DESCRIBE)


ON_A_MAC = """
import os, sys
del os.sched_getaffinity
from fairseq_sharing_command import main
sys.exit(main(sys.argv[1:]))
"""


def test_what_needs_no_corpus_works_where_the_system_does_not_count_cores(tmp_path):
    assert "0   1   2   0   1   2" in run("python", "-c", ON_A_MAC, *DESCRIBE).stdout
    torch.save({"model": {}}, tmp_path / "no.pt")
    for command in (("checkpoint", "inspect", tmp_path / "no.pt"), ("prepare", "demo", "--src")):
        ended = run("python", "-c", ON_A_MAC, *command, check=False)
        assert ended.returncode == 2
        assert "Traceback" not in ended.stdout


@pytest.mark.parametrize("runs", ["q:1", "a,b", "a${b}", "a\nb"])
def test_paths_that_fairseq_would_take_apart_are_refused(runs, tmp_path, capsys):
    assert main(["plan", "demo", "--runs", str(tmp_path / runs)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"--runs {str(tmp_path / runs)!r}: the run folder would be" in line
    assert line.endswith(": choose a folder without ':' and ',' and '${' and '\\n'")
    assert not list(tmp_path.iterdir())
