"""What every model whose layers share parameters does, whatever it models."""

import argparse
import logging
from typing import Any, ClassVar

from fairseq.dataclass.utils import gen_parser_from_dataclass
from fairseq.models import BaseFairseqModel
from torch import nn

from ..errors import SharingError
from .admin import ResidualProfile
from .checks import check_options
from .config import SharedTransformerConfig
from .feature_checks import warning_of
from .growing_layers import DepthGrowth, scriptable
from .growth import parse_schedule
from .own import give_own, parse_own
from .state import check_kind, load_refusal
from .state_hooks import keep_state_compact
from .sublayers import SideMap
from .tying import count_parameters, tie_across

logger = logging.getLogger(__name__)


class SharedModel(BaseFairseqModel):
    """The part that comes before fairseq's own model among the bases of a shared one.

    The sides, such as ``self.decoder``, are those of ``config.sides`` and have a ``side_map``.
    """

    __jit_unused_properties__ = ("maps",)
    __prepare_scriptable__ = scriptable

    config: ClassVar[type[SharedTransformerConfig]]
    """The model's options in the nested form that its sides are built from."""

    options: ClassVar[type]
    """The dataclass of its options, flat as on the command line or nested."""

    unshared: ClassVar[str]
    """The name of fairseq's own model, which this one is with strategy ``none`` and no map."""

    unshared_options: ClassVar[type]
    """The dataclass of that model's options."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.cfg = self.decoder.cfg
        sides = {side: getattr(self, side) for side in self.config.sides}
        if "encoder" in sides:
            tie_across(self.decoder, self.encoder)
        self.own = parse_own(self.cfg.own, self.cfg.own_rank)
        for side in sides.values():
            give_own(side, self.own)
        self.residual_profile = None
        if self.cfg.residual_scaling == "admin":
            self.residual_profile = ResidualProfile({s: sides[s].layers for s in sides})
        self.growth = None
        if self.cfg.grow_depth_at is not None:
            self.growth = DepthGrowth(sides, parse_schedule(self.cfg.grow_depth_at))
        keep_state_compact(self)

    @classmethod
    def add_args(cls, parser: argparse.ArgumentParser) -> None:
        """Add the options; defaults are left to the architecture and then to the dataclass."""
        gen_parser_from_dataclass(parser, cls.options(), delete_default=True, with_prefix="")

    @classmethod
    def build_model(cls, args, task) -> "SharedModel":
        """The model for parsed arguments or a Hydra config; SharingError if options conflict."""
        cfg = cls.config.from_namespace(args)
        check_options(cfg)
        model = super().build_model(cfg, task)
        if not next(model.parameters()).is_meta:  # what has no weights is only looked at
            logger.info(model.sharing_summary())
            if warning := warning_of(model.maps):
                logger.warning(warning)
            if model.growth:
                model.growth.warn_of_late_steps(getattr(args, "max_update", 0))
        return model

    @property
    def maps(self) -> dict[str, SideMap]:
        """The map of each side."""
        return {side: getattr(self, side).side_map for side in self.config.sides}

    def sharing_summary(self) -> str:
        """One line: the maps, stacked and unique depth, parameters counted once."""
        sides = "; ".join(
            f"{side} map {side_map} ({side_map.counts})" for side, side_map in self.maps.items()
        )
        own = f"; each position's own: {self.own}" if self.own else ""
        grows = f"; depth grows at {self.growth.schedule}" if self.growth else ""
        return f"sharing: {sides}; {count_parameters(self):,} parameters counted once{own}{grows}"

    def set_num_updates(self, num_updates: int) -> None:
        """fairseq says how many updates were made before each of them."""
        super().set_num_updates(num_updates)
        if self.growth:
            self.growth.set_num_updates(num_updates)

    def load_state_dict(self, state_dict, strict=True, model_cfg=None, args=None, *, assign=False):
        """As fairseq's, which has no ``assign``: with it, the state's tensors become parameters.

        Raises SharingError, in one line, if the state is not of this model.
        """
        state = dict(state_dict)
        try:
            if not assign:
                return super().load_state_dict(state, strict, model_cfg, args)
            self.upgrade_state_dict(state)
            return nn.Module.load_state_dict(self, state, strict, assign=True)
        except RuntimeError as error:
            raise SharingError(load_refusal(error)) from error

    def upgrade_state_dict(self, state_dict: dict[str, Any]) -> None:
        """fairseq's upgrade of what older versions saved, in place."""
        check_kind(state_dict, self.config.sides)
        for side in self.maps:  # EMA leaves these out, and the upgrade then drops final norms
            state_dict.setdefault(f"{side}.version", getattr(self, side).version.clone())
        super().upgrade_state_dict(state_dict)
