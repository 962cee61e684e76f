"""Checkpoints of the implementation that the paper's authors released, as this plugin's.

Its fork of fairseq (of 2020) stores every stacked layer, attention projections in one piece, and
says nothing of the map but the flags it was made from. Here the map is found in the weights.
"""

from ..errors import SharingError
from ..model.config import SIDES
from ..model.strategies import LayerMap, format_layer_map
from ..model.transformer import SharedTransformerModel
from .contents import Checkpoint
from .files import Content, State
from .inference import inference_content
from .share import share
from .stacked import stacked_state


def from_authors(checkpoint: Checkpoint, *, unshared: bool = False) -> Content:
    """``checkpoint`` as one of this plugin; with ``unshared``, every layer stays as it is.

    Layers with equal weights become shared ones. Raises SharingError, which names the entries,
    if the weights are not of a Transformer that this plugin has, and if a decoder layer is a copy
    of another but for its cross-attention's biases: in that release these were tied to biases of
    self-attention, which no layer map can say.
    """
    if checkpoint.kind is not SharedTransformerModel:
        raise SharingError(
            f"{checkpoint.path} is of a language model, of which the authors released none; "
            "fairseq-sharing checkpoint share ties the layers of other checkpoints"
        )
    stacked = stacked_state(checkpoint)
    if unshared:
        options = checkpoint.options() | checkpoint.unshared | {"_name": "shared_transformer"}
        return inference_content(checkpoint, stacked, options)
    maps = {f"{side}_layer_map": format_layer_map(_map_in(side, stacked)) for side in SIDES}
    content, _ = share(checkpoint, "first", **maps)
    return content


def _map_in(side: str, state: State) -> LayerMap:
    """The map of a side, as its equal layers tell it."""
    layers = _layers(side, state)
    unique: list[int] = []
    found = []
    for position, layer in enumerate(layers):
        copied = (earlier for earlier in unique if _is_copy(layer, layers[earlier]))
        first = next(copied, position)
        if first == position:
            unique.append(position)
        _check_cross_attention(position, layer, first, layers[first])
        found.append(unique.index(first))
    return tuple(found)


def _layers(side: str, state: State) -> list[State]:
    """The entries of each stacked layer, by their names within it."""
    layers: dict[int, State] = {}
    for name, tensor in state.items():
        if name.startswith(f"{side}.layers."):
            number, _, rest = name.removeprefix(f"{side}.layers.").partition(".")
            layers.setdefault(int(number), {})[rest] = tensor
    return [layers[number] for number in sorted(layers)]


def _is_cross_bias(name: str) -> bool:
    return name.startswith("encoder_attn.") and name.endswith("_proj.bias") and "out" not in name


def _is_copy(layer: State, first: State) -> bool:
    return all(layer[name].equal(first[name]) for name in first if not _is_cross_bias(name))


def _check_cross_attention(position: int, layer: State, first_position: int, first: State) -> None:
    for name in filter(_is_cross_bias, layer):
        if not layer[name].equal(first[name]):
            own = name.replace("encoder_attn", "self_attn")
            found = f"that layer's {own}" if layer[name].equal(first[own]) else "another"
            raise SharingError(
                f"decoder.layers.{position} is a copy of decoder.layers.{first_position} but for "
                f"{name}, which is {found}; no layer map can say that. --unshared converts it to "
                "a model whose layers share nothing"
            )
