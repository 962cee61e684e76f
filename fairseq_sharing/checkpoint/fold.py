"""Admin's residual vectors folded into the weights around them: the same function without them.

In a post-norm stack a sublayer f gives LN(f(x) + w * x), and x is what the norm before it gave. If
that norm's gain and bias are multiplied by w it gives w * x, which is the residual term; f gets its
x back by dividing the input columns of its first weights by w. The outputs of a stack are those of
its last norm, which no vector follows, and stay as they are.

The first sublayer reads no norm but embeddings. Where these have a norm of their own
(``--layernorm-embedding``) it takes w. Otherwise token embeddings and positions are multiplied by
w: they can then no longer be shared with the other side and the output projection, and sinusoidal
positions become a table, as of a model with learned positions.

What was multiplied is in float32: rounding it back to half precision would change the model.
"""

from collections.abc import Iterable, Iterator

import torch
from fairseq.modules import SinusoidalPositionalEmbedding
from torch import Tensor

from ..errors import SharingError
from ..model.admin import NORMS, START_KEY
from ..model.config import SIDES
from .files import State
from .options import Options
from .precision import at_least_float32

_FIRST_WEIGHTS = {
    "self_attn_layer_norm": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "encoder_attn_layer_norm": ("encoder_attn.q_proj",),
    "final_layer_norm": ("fc1",),
}
"""What the input of a sublayer goes through first; keys and values across come from elsewhere."""

_DELTA = ".residual_delta"
_NOT_FOLDABLE = (
    *("cross_self_attention", "merge_src_tgt_embed"),
    *("adaptive_input", "character_embeddings"),
)
_PADDING = 1
_POSITIONS = {"encoder": "max_source_positions", "decoder": "max_target_positions"}
EPSILON = 1e-3


def fold_residuals(stacked: State, stored: State, options: Options) -> tuple[State, Options]:
    """State and options of the same model without residual vectors.

    ``stacked`` has an entry for every name, ``stored`` is the checkpoint's own. Raises SharingError
    for options that it does not hold for, and for vectors too close to 0 to divide by.
    """
    for name in _NOT_FOLDABLE:
        if options.get(name):
            flag = "--" + name.replace("_", "-")
            raise _not_foldable(flag)
    state = {name: t for name, t in stacked.items() if not name.endswith(_DELTA)}
    for side in SIDES:
        before = None
        for norm, vector in _vectors(side, stacked, stored):
            if before:
                _multiply(state, (f"{before}.weight", f"{before}.bias"), vector)
            else:
                options = _fold_into_embeddings(side, state, vector, options)
            layer, _, kind = norm.rpartition(".")
            weights = [f"{layer}.{part}.weight" for part in _FIRST_WEIGHTS[kind]]
            _multiply(state, weights, 1 / vector)
            before = norm
    return state, options


def _not_foldable(flag: str) -> SharingError:
    return SharingError(
        f"residual vectors cannot be folded into a model with {flag}; decode it with this plugin"
    )


def _vectors(side: str, stacked: State, stored: State) -> Iterator[tuple[str, Tensor]]:
    """The norm of each sublayer in stacking order, by name, and its residual vector in float64."""
    deltas = {
        name: t for name, t in stacked.items() if name.startswith(side) and name.endswith(_DELTA)
    }
    names = sorted(
        deltas, key=lambda name: (int(name.split(".")[2]), NORMS.index(name.split(".")[3]))
    )
    starts = stored.get(START_KEY.format(side=side), torch.ones(len(names)))
    for name, start in zip(names, starts.double(), strict=True):
        vector = start + deltas[name].double()
        if vector.abs().min() < EPSILON:
            raise SharingError(
                f"{name} makes a residual vector with an element within {EPSILON} of 0, which "
                "weights cannot be divided by; decode this model with the plugin"
            )
        yield name.removesuffix(_DELTA), vector


def _multiply(state: State, names: Iterable[str], vector: Tensor) -> None:
    """Multiply the last dimension of entries by ``vector``, leaving the tensors they were alone."""
    for name in names:
        product = state[name].double() * vector
        state[name] = product.to(at_least_float32(state[name].dtype))


def _fold_into_embeddings(side: str, state: State, vector: Tensor, options: Options) -> Options:
    """Multiply what the first layer of ``side`` reads; returns the options of the result."""
    if options.get("layernorm_embedding"):
        norm = f"{side}.layernorm_embedding"
        _multiply(state, (f"{norm}.weight", f"{norm}.bias"), vector)
        return options
    if f"{side}.project_in_dim.weight" in state:
        raise _not_foldable("--decoder-input-dim")
    tokens, positions = f"{side}.embed_tokens.weight", f"{side}.embed_positions.weight"
    _multiply(state, [tokens], vector)
    tied = {"share_all_embeddings", "share_decoder_input_output_embed"}
    apart = dict.fromkeys(tied & options.keys(), False)
    if options.get("no_token_positional_embeddings"):
        return options | apart
    if positions not in state:
        length = (options.get(_POSITIONS[side]) or 1024) + _PADDING + 1
        table = SinusoidalPositionalEmbedding.get_embedding(length, len(vector), _PADDING)
        state[positions] = table.to(state[tokens].dtype)
    _multiply(state, [positions], vector)
    return options | apart | {f"{side}_learned_pos": True}
