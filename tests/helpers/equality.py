"""A shared model against fairseq's own transformer with a copy of every layer's weights."""

from itertools import cycle

import torch
from fairseq.models import build_model
from support import batch, every_parameter, text_batch, tiny_args, toy_task
from torch import nn

from fairseq_sharing.model.admin import NORMS


def build(arch: str, task=None, seed: int = 1, **options) -> nn.Module:
    """A tiny model of ``arch`` for ``task``, in training mode."""
    args = tiny_args(arch, **options)
    torch.manual_seed(seed)
    return build_model(args, task or toy_task())


class Twins:
    """``shared``, and ``plain``: fairseq's transformer with the same weights, nothing tied.

    Admin's vectors, once measured, are multiplied in by ``plain``'s residual connections.
    """

    unshared = "transformer"
    inputs = staticmethod(batch)

    def __init__(self, task=None, **options) -> None:
        self.shared = build(f"shared_{self.unshared}", task, **options)
        if self.shared.residual_profile:
            self.shared(**self.inputs())
        own = {"sharing_strategy", "share_sublayers", "residual_scaling", "no_decoder_ffn"}
        names = ("unique_layers", "_map")
        plain_options = {
            name: value
            for name, value in options.items()
            if name not in own and not name.endswith(names)
        }
        self.plain = build(self.unshared, task, **plain_options)
        if options.get("no_decoder_ffn"):
            for layer in self.plain.decoder.layers:
                layer.fc1, layer.fc2 = nn.Identity(), _AddsNothing()
                layer.final_layer_norm = nn.Identity()
        weights = every_parameter(self.shared)
        with torch.no_grad():
            for name, parameter in every_parameter(self.plain).items():
                parameter.copy_(weights[name])
        self.vectors = self._scale_plain() if self.shared.residual_profile else {}

    def _scale_plain(self) -> dict[str, nn.Parameter]:
        """The unshared model's residual vectors by the names that they have in the shared one."""
        vectors = {}
        for side in self.shared.maps:
            layers = getattr(self.plain, side).layers
            for number, (layer, scaled) in enumerate(
                zip(layers, getattr(self.shared, side).layers, strict=True)
            ):
                own = {
                    f"{side}.layers.{number}.{name}.residual_delta": nn.Parameter(
                        getattr(scaled, name).residual_vector().detach().clone()
                    )
                    for name in NORMS
                    if hasattr(getattr(scaled, name, None), "residual_vector")
                }
                absent = [torch.ones(1)] * (NORMS[-1] not in "".join(own))
                layer.residual_connection = _scaled_in_turn([*own.values(), *absent])
                vectors.update(own)
        return vectors

    def outputs(self, training: bool, seed: int = 7, **inputs):
        """What both models return for the same inputs and the same random numbers."""
        for model in (self.shared, self.plain):
            model.train(training)
            torch.manual_seed(seed)
            yield model(**self.inputs(), **inputs)

    def assert_same(self, training: bool, **inputs) -> None:
        """Same outputs; in training, shared gradients that are the sums of the copies'."""
        ours, theirs = self.outputs(training, **inputs)
        torch.testing.assert_close(ours[0], theirs[0], atol=1e-5, rtol=1e-5)
        if training:
            probe = torch.randn(ours[0].shape, generator=torch.Generator().manual_seed(4))
            for output in (ours, theirs):
                (output[0] * probe).sum().backward()
            self._assert_gradients_are_sums()

    def _assert_gradients_are_sums(self) -> None:
        copies = {**every_parameter(self.plain), **self.vectors}
        names: dict = {}
        for name, parameter in every_parameter(self.shared).items():
            names.setdefault(parameter, []).append(name)
        for parameter, aliases in names.items():
            distinct = {copies[name] for name in aliases}
            gradients = [copy.grad for copy in distinct if copy.grad is not None]
            if parameter.grad is None:
                assert not gradients, aliases
            else:
                torch.testing.assert_close(parameter.grad, sum(gradients), atol=1e-4, rtol=1e-4)


class LanguageTwins(Twins):
    """The same of language models."""

    unshared = "transformer_lm"
    inputs = staticmethod(text_batch)


class _AddsNothing(nn.Module):
    def forward(self, x):
        return 0 * x


def _scaled_in_turn(vectors: list[torch.Tensor]):
    """A residual connection for a layer whose sublayers, called in turn, have ``vectors``."""
    turns = cycle(vectors)
    return lambda x, residual: x + next(turns) * residual


def assert_same_hypotheses(found, expected):
    """Two results of beam search: the same tokens, and scores to 1e-5."""
    for ours, theirs in zip(found, expected, strict=True):
        assert [h["tokens"].tolist() for h in ours] == [h["tokens"].tolist() for h in theirs]
        for one, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one["score"], other["score"], atol=1e-5, rtol=0)


def assert_same_step_by_step(model: nn.Module) -> None:
    """Decoding with a cache gives the logits of the whole, also for padded and repeated tokens."""
    inputs = batch()
    inputs["prev_output_tokens"][1, -2:] = 7
    full = model(**inputs)[0]
    encoded = model.encoder(inputs["src_tokens"], inputs["src_lengths"])
    cache: dict = {}
    for length in range(1, full.shape[1] + 1):
        tokens = inputs["prev_output_tokens"][:, :length]
        step = model.decoder(tokens, encoder_out=encoded, incremental_state=cache)[0]
        torch.testing.assert_close(step[:, 0], full[:, length - 1], atol=1e-5, rtol=0)
