"""fairseq's ways of searching for a translation, and what each finds for the test batch."""

from argparse import Namespace

import torch
from fairseq.tasks.translation import TranslationConfig, TranslationTask
from fairseq.token_generation_constraints import pack_constraints
from support import batch, dictionary

PREFIX = torch.tensor([[5, 6], [7, 8], [9, 10]])
CONSTRAINTS = [[torch.tensor([11]), torch.tensor([12, 13])], [torch.tensor([14])], []]

SEARCHES = {
    "--beam": {},
    "--lenpen, --unkpen, --min-len": {"lenpen": 0.6, "unkpen": 1.0, "min_len": 4},
    "--prefix-size": {},
    "--constraints": {"constraints": "ordered"},
    "--sampling": {"sampling": True},
    "--sampling-topk": {"sampling": True, "sampling_topk": 5},
    "--sampling-topp": {"sampling": True, "sampling_topp": 0.8},
    "--diverse-beam-groups": {"diverse_beam_groups": 2},
    "--diversity-rate": {"diversity_rate": 0.5},
    "--match-source-len": {"match_source_len": True},
    "--print-alignment": {"print_alignment": "hard"},
    "--score-reference": {"score_reference": True},
}


def translate(models, option="--beam", **settings):
    """What fairseq's task finds for the test batch with the same random numbers every time."""
    task = TranslationTask(TranslationConfig(), dictionary(), dictionary())
    generator = task.build_generator(models, Namespace(beam=4, max_len_b=8, **settings))
    inputs = batch()
    prev = inputs["prev_output_tokens"]
    sample = {"net_input": inputs, "target": torch.cat([prev[:, 1:], prev[:, :1]], dim=1)}
    torch.manual_seed(5)
    return task.inference_step(
        generator,
        models,
        sample,
        prefix_tokens=PREFIX if option == "--prefix-size" else None,
        constraints=pack_constraints(CONSTRAINTS) if option == "--constraints" else None,
    )


def assert_same(ours, theirs):
    for beam, expected in zip(ours, theirs, strict=True):
        for one, other in zip(beam, expected, strict=True):
            assert one["tokens"].tolist() == other["tokens"].tolist()
            for part in ("score", "positional_scores", "alignment"):
                torch.testing.assert_close(one.get(part), other.get(part), atol=1e-5, rtol=1e-5)
