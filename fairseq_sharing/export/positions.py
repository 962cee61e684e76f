"""Maximal lengths of an exported model's input and output, in a file of its folder."""

import json
from pathlib import Path

from ..checkpoint.contents import Options
from ..errors import SharingError
from ..experiment.positions import DEFAULT, Positions
from ..files import write_json

FILE = "positions.json"


def positions_in(options: Options) -> Positions:
    """Those of a checkpoint's model."""
    names = ("max_source_positions", "max_target_positions")
    return Positions(*(options.get(name) or DEFAULT for name in names))


def write_positions(folder: Path, positions: Positions) -> None:
    write_json(folder / FILE, positions._asdict())


def read_positions(folder: Path) -> Positions:
    """Those of an exported model; fairseq's default for one that was made without the file.

    Raises SharingError if the file is damaged.
    """
    path = folder / FILE
    if not path.exists():
        return Positions()
    try:
        positions = Positions(**json.loads(path.read_text("utf-8")))
        if not all(type(number) is int and number > 1 for number in positions):
            raise ValueError(f"{positions.source} and {positions.target}")
        return positions
    except (TypeError, ValueError) as error:
        raise SharingError(
            f"{path} is damaged ({error}): make the folder again with fairseq-sharing export ct2"
        ) from None
