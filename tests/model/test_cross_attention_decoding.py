"""Decoding with keys and values that are kept once: the same hypotheses from a smaller cache."""

import copy

import pytest
import torch
from fairseq.search import Sampling
from fairseq.sequence_generator import SequenceGenerator
from hypothesis import given, settings
from hypothesis import strategies as st
from reuse import cross_attentions, with_and_without
from support import batch, dictionary, sharing_options, tiny_model

from fairseq_sharing.model.hypotheses import copies_of_each


@pytest.fixture
def ending():
    """Models whose hypotheses end after different numbers of words, and eight sentences."""
    models = with_and_without(seed=2, share_all_embeddings=False)
    for model in models:
        model.eval()
        with torch.no_grad():
            model.decoder.output_projection.weight[2] *= 3
    return models, {"net_input": batch(8, 9, 6)}


def search(models, sample, **options):
    generator = SequenceGenerator(models, dictionary(), beam_size=4, max_len_b=20)
    return generator.generate(models, sample, **options)


def assert_same_beams(ours, theirs):
    for beam, expected in zip(ours, theirs, strict=True):
        assert [h["tokens"].tolist() for h in beam] == [h["tokens"].tolist() for h in expected]
        for one, other in zip(beam, expected, strict=True):
            torch.testing.assert_close(one["score"], other["score"], atol=1e-5, rtol=0)


def test_the_decoding_cache_has_one_entry_for_each_unique_layer(ending):
    (model, plain), sample = ending
    entries = []
    for one in (model, plain):
        cache: dict = {}
        encoded = one.encoder(sample["net_input"]["src_tokens"], sample["net_input"]["src_lengths"])
        one.decoder(torch.full((8, 1), 2), encoder_out=encoded, incremental_state=cache)
        entries.append(sum(state["prev_key"].shape[2] == 9 for state in cache.values()))
    assert entries == [3, 4]


def test_a_sentence_has_its_keys_and_values_once(ending):
    (model, _), sample = ending
    rows = set()

    def note(attention, inputs, _):
        query, *_, cache = inputs
        rows.add((*query.shape[:2], len(attention._get_input_buffer(cache)["prev_key"])))

    model.decoder.layers[-1].encoder_attn.register_forward_hook(note)
    search([model], sample)
    assert rows > {(4, 8, 8)}  # and fewer sentences, once some have ended
    assert {hypotheses for hypotheses, _, _ in rows} == {4}


@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.booleans())
def test_copies_are_counted_from_the_rows(runs, padded):
    """A run of equal rows may hold several sentences, and equal rows may differ in padding."""
    rows = torch.arange(len(runs)).repeat_interleave(torch.tensor(runs))
    encoded = (rows // 2).float().expand(3, -1)[:, :, None]
    copies = copies_of_each(encoded, rows[:, None] % 2 == 0 if padded else None)
    described = [row if padded else row // 2 for row in rows.tolist()]
    fitting = [k for k in range(1, len(rows) + 1) if len(rows) % k == 0 and _in_turn(described, k)]
    assert copies == max(fitting)


def _in_turn(rows, k):
    return all(len(set(rows[start : start + k])) == 1 for start in range(0, len(rows), k))


@pytest.fixture(scope="module")
def attentions():
    return [cross_attentions(model.eval())[-1] for model in with_and_without()]


@settings(deadline=None)
@given(data=st.data())
def test_the_cache_follows_any_order(attentions, data):
    """As fairseq's does: hypotheses of their sentence, fewer sentences, and anything else."""
    hypotheses, sentences = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    source = torch.randn(5, sentences, 16).repeat_interleave(hypotheses, dim=1)
    query = torch.randn(1, source.shape[1], 16)
    caches: list[dict] = [{}, {}]
    for _ in range(3):
        found, expected = (
            one(query, source, source, incremental_state=cache, static_kv=True)[0]
            for one, cache in zip(attentions, caches, strict=True)
        )
        torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)
        order = st.lists(st.integers(0, query.shape[1] - 1), min_size=1, max_size=12)
        kept = torch.tensor(data.draw(order))
        for one, cache in zip(attentions, caches, strict=True):
            one.reorder_incremental_state(cache, kept)
        source, query = source[:, kept], query[:, kept]


def test_equal_sentences_that_end_apart(ending):
    """Their hypotheses have the same keys and values, until one of them has ended."""
    (model, plain), sample = ending
    sample["net_input"]["src_tokens"][1:] = sample["net_input"]["src_tokens"][0]
    found = []
    for one in (model, plain):
        torch.manual_seed(4)
        sampling = SequenceGenerator(
            [one], dictionary(), beam_size=4, max_len_b=20, search_strategy=Sampling(dictionary())
        )
        found.append(sampling.generate([one], sample))
    assert_same_beams(*found)
    assert len({len(beam[-1]["tokens"]) for beam in found[0]}) > 1


def test_beam_search_finds_the_same(ending):
    (model, plain), sample = ending
    prefix = sample["net_input"]["src_tokens"][:, :2]
    for options in ({}, {"prefix_tokens": prefix}):
        assert_same_beams(*(search([one], sample, **options) for one in (model, plain)))
    last = {max(len(h["tokens"]) for h in beam) for beam in search([model], sample)}
    assert len(last) > 3


def test_ensembles_of_copies_keep_caches_apart(ending):
    (model, plain), sample = ending
    models = [[one, copy.deepcopy(one)] for one in (model, plain)]
    for _, other in models:
        with torch.no_grad():
            other.decoder.layers[0].encoder_attn.k_proj.weight.mul_(3)
    assert_same_beams(*(search(ensemble, sample) for ensemble in models))


def test_scripted_beam_search_finds_the_same(ending):
    """fairseq's reordering, called once for each layer there, changes a reordered cache no more."""
    (model, _), sample = ending
    generator = SequenceGenerator([model], dictionary(), beam_size=4, max_len_b=20)
    with torch.no_grad():
        assert_same_beams(torch.jit.script(generator)(sample), generator(sample))


@pytest.mark.parametrize("expanded", [True, False])
def test_fairseqs_beam_size_is_understood(ending, expanded):
    """With it the encoder output need not be repeated for every hypothesis."""
    models, sample = ending
    for one in models:
        one.decoder.set_beam_size(4)
    steps = [_three_steps(one, sample["net_input"], expanded) for one in models]
    for ours, theirs in zip(*steps, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


@pytest.mark.parametrize("told_when", ["it is shallow", "it has grown"])
def test_the_beam_size_is_that_of_the_depth_that_runs(told_when):
    options = {**sharing_options("sequence", 2), "grow_depth_at": "5"}
    models = [tiny_model(**options, no_cross_attention_reuse=plain) for plain in (False, True)]
    steps = []
    for model in models:
        model.eval().set_num_updates(0 if told_when == "it is shallow" else 5)
        model.decoder.set_beam_size(4)
        for updates in (5, 0):
            model.set_num_updates(updates)
            steps.append(list(_three_steps(model, batch(8, 9, 6), expanded=True)))
    for ours, theirs in zip(steps[:2], steps[2:], strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def _three_steps(model, inputs, expanded):
    """Logits of the first four sentences, of the same with other hypotheses, and of two."""
    cache: dict = {}
    encoded = model.encoder(inputs["src_tokens"][:4], inputs["src_lengths"][:4])
    if expanded:
        rows = torch.arange(4).repeat_interleave(4)
        encoded = model.encoder.reorder_encoder_out(encoded, rows)
    prefix = torch.full((16, 1), 2)
    ends = torch.tensor([4, 5, 6, 7, 12, 13, 14, 15])
    for order in (None, torch.arange(16).view(4, 4).flip(1).flatten(), ends):
        if order is not None:
            prefix = torch.cat([prefix[order], 4 + order[:, None]], 1)
            model.decoder.reorder_incremental_state_scripting(cache, order)
            encoded = model.encoder.reorder_encoder_out(encoded, order) if expanded else encoded
        yield model.decoder(prefix, encoder_out=encoded, incremental_state=cache)[0]


def test_a_layer_takes_keys_and_values_from_elsewhere():
    """fairseq's layers take them as ``prev_attn_state``: with a row for each hypothesis."""
    draw = torch.Generator().manual_seed(3)
    target, source = torch.randn(1, 4, 16, generator=draw), torch.randn(5, 4, 16, generator=draw)
    state = list(torch.randn(2, 4, 2, 5, 8, generator=draw))
    outputs = []
    for model in with_and_without():
        cache: dict = {}
        layer = model.eval().decoder.layers[2]
        layer(target, source, incremental_state=cache, prev_attn_state=state)
        for attention in (layer.self_attn, layer.encoder_attn):
            attention.reorder_incremental_state(cache, torch.tensor([2, 0]))
        outputs.append(layer(target[:, [2, 0]], source[:, [2, 0]], incremental_state=cache)[0])
    torch.testing.assert_close(*outputs, atol=1e-6, rtol=0)
