"""README and docs: every command is one that its own parser takes, every link leads somewhere."""

import importlib
import os
import re
import shutil
import subprocess
import sys

import pytest
from fairseq import options
from pages import PAGES, ROOT, anchors, blocks, commands, links
from support import PLUGIN

from fairseq_sharing.experiment.file import load
from fairseq_sharing.experiment.shipped import FOLDER
from fairseq_sharing_command import SUBCOMMANDS, main, top_parser

FAIRSEQ = {
    "fairseq-train": options.get_training_parser,
    "fairseq-eval-lm": options.get_eval_lm_parser,
    "fairseq-generate": options.get_generation_parser,
    "fairseq-interactive": options.get_interactive_generation_parser,
    "fairseq-validate": options.get_validation_parser,
}
OF_OTHERS = {"cd", "mtdata", "pip", "python3", "sacrebleu", "source"}
"""Programs that are not this project's: their commands are not looked at."""

PLACEHOLDERS = {
    "USER_DIR": [PLUGIN],
    "ROW": ["--arch", "shared_transformer_wmt_en_de"],
    "RANK": ["0"],
}

RUN_AT_ONCE = ("describe", "experiments", "user-dir")
COMMANDS = [(page.name, words) for page in PAGES for words in commands(page)]


def ids(value):
    return value if isinstance(value, str) else " ".join(value)[:60]


@pytest.mark.parametrize(("page", "words"), COMMANDS, ids=ids)
def test_a_command_is_one_that_its_parser_takes(page, words):
    words = [given for word in words for given in PLACEHOLDERS.get(word, [word])]
    program, *arguments = words
    if program == "torchrun":
        script = next(n for n, word in enumerate(words) if word.startswith("scripts/"))
        program, *arguments = words[script:]
    if program.startswith("scripts/"):
        _check_script(program, arguments)
    elif program == "fairseq-sharing":
        _parse(arguments)
    elif program in FAIRSEQ:
        options.parse_args_and_arch(FAIRSEQ[program](), arguments)
    elif program == "fairseq-preprocess":
        options.get_preprocessing_parser().parse_args(arguments)
    elif program == "python":
        _check_python(arguments)
    else:
        assert program in OF_OTHERS | {"fairseq-hydra-train"}


def _parse(arguments: list[str]) -> None:
    parser, subparsers = top_parser(without=arguments[0])
    if arguments[0] != "user-dir":
        importlib.import_module(f"fairseq_sharing.cli.{arguments[0]}").add_parser(subparsers)
        parser.parse_args(arguments)
    if arguments[0] in RUN_AT_ONCE:
        assert main(arguments) == 0


def _check_script(script: str, arguments: list[str]) -> None:
    assert os.access(ROOT / script, os.X_OK)
    stage = script.removeprefix("scripts/").removesuffix(".sh")
    if stage in SUBCOMMANDS:
        _parse([stage, *arguments])
        assert (ROOT / f"{arguments[0]}.toml").exists()
    if stage == "test":
        assert all((ROOT / path).exists() for path in arguments if path.startswith("tests/"))


def _check_python(arguments: list[str]) -> None:
    """A benchmark's options are those of its source."""
    if arguments[0].startswith("benchmarks/"):
        source = (ROOT / arguments[0]).read_text() + (ROOT / "benchmarks/harness.py").read_text()
        for option in (word for word in arguments if word.startswith("--")):
            assert f'"{option}"' in source
    else:
        assert arguments[0] == "-m"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_paths_in_the_text_exist(page):
    text = page.read_text("utf-8")
    for path in re.findall(r"`((?:tests|benchmarks|scripts|docs|fairseq_sharing)/[\w./]+)`", text):
        assert (ROOT / path).exists(), path
    for command in re.findall(r"`python (benchmarks/\w+\.py[^`]*)`", text):
        _check_python(command.replace("\n", " ").split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_describe_prints_is_what_the_page_shows(page, capsys):
    for session in blocks(page, "console"):
        command, _, shown = session.removeprefix("$ ").partition("\n")
        if command.startswith("fairseq-sharing describe"):
            assert main(command.split()[1:]) == 0
            printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
            assert printed == shown.splitlines()


def test_the_example_of_an_experiment_loads(tmp_path):
    (example,) = blocks(ROOT / "docs" / "wmt.md", "toml")
    (tmp_path / "example.toml").write_text(example)
    shutil.copy(FOLDER / "wmt16_en_de.toml", tmp_path)
    names = [system.name for system in load(tmp_path / "example.toml").systems]
    assert names == ["vanilla", "cycle_rev_18", "deep_encoder", "front_loaded"]


def test_the_maps_of_the_readme_are_of_the_depth_that_it_says():
    text = (ROOT / "README.md").read_text("utf-8")
    (flags,) = re.findall(r"with four layers a side,\s`(--encoder-layer-map [^`]+)`", text)
    depth = ["--encoder-layers", "4", "--decoder-layers", "4"]
    arch = ["data", "--arch", "shared_transformer", *depth, *flags.split()]
    options.parse_args_and_arch(options.get_training_parser(), arch)


def test_the_page_of_options_is_what_the_code_says():
    printed = subprocess.run(
        [sys.executable, "-c", "import make_options; print(make_options.page(), end='')"],
        cwd=ROOT / "docs",
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert printed.stdout == (ROOT / "docs" / "options.md").read_text("utf-8")


def test_python_snippets_compile_and_those_without_files_run():
    for page in PAGES:
        for snippet in blocks(page, "python"):
            code = compile(snippet, str(page), "exec")
            if "from_pretrained" not in snippet:
                exec(code, {})
