"""What a checkpoint keeps that is only to translate or to score."""

from collections.abc import Mapping

from .contents import Checkpoint
from .files import Content, State
from .options import Options, as_config


def inference_content(
    checkpoint: Checkpoint, state: State, options: Options | None = None, *, same_model: bool = True
) -> Content:
    """A checkpoint that holds ``state`` and what fairseq needs to load it, and no more.

    ``options`` (with ``_name``, the architecture) take the place of the stored ones, as plain
    data, which any fairseq loads. Optimiser, EMA and metrics are left out, and the validation
    scores too unless it is the ``same_model`` in another form.
    """
    content, extra = checkpoint.content, checkpoint.extra_state
    scores = ("val_loss", "best") if same_model else ()
    kept = {key: extra[key] for key in ("train_iterator", *scores) if key in extra}
    slim = {
        "args": content.get("args"),
        "cfg": content.get("cfg"),
        "model": state,
        "criterion": content.get("criterion"),
        "optimizer_history": [checkpoint.optimizer_history],
        "task_state": content.get("task_state", {}),
        "extra_state": {"train_iterator": {"epoch": 1}} | kept,
    }
    if options is not None:
        cfg = slim["cfg"] or as_config(slim)
        common = cfg.get("common")
        common = {**(common if isinstance(common, Mapping) else {}), "user_dir": None}
        slim |= {"args": None, "cfg": {**cfg, "model": options, "common": common}}
    return slim
