"""The kinds of experiments: translation, and language modelling on its source side."""

from dataclasses import dataclass

from ..errors import SharingError
from ..model.config import SIDES


@dataclass(frozen=True)
class Kind:
    """What an experiment's models are: their ``arch``, and the sides that they have."""

    name: str
    arch: str
    sides: tuple[str, ...]

    @property
    def translates(self) -> bool:
        return "encoder" in self.sides

    @property
    def unit(self) -> str:
        """What its text is counted in."""
        return "pairs" if self.translates else "lines"


TRANSLATION = Kind("translation", "shared_transformer", SIDES)
LANGUAGE_MODEL = Kind("language_model", "shared_transformer_lm", ("decoder",))
KINDS = {kind.name: kind for kind in (TRANSLATION, LANGUAGE_MODEL)}


def kind_of(name: str) -> Kind:
    """The kind of that name; SharingError lists those there are."""
    if name not in KINDS:
        raise SharingError(f"kind = '{name}': choose from {', '.join(KINDS)}")
    return KINDS[name]
