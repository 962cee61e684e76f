"""The checkpoint that is decoded: the best one, or the average of the last epochs'."""

from pathlib import Path

from ..checkpoint.average import average, last_checkpoints
from ..checkpoint.files import write_checkpoint
from ..errors import SharingError
from ..experiment.runs import Run
from ..experiment.stages import Stage


def decoded_checkpoint(run: Run) -> Path:
    """Where the checkpoint lies that is decoded, whether it is there yet or not."""
    epochs = run.experiment.average_epochs
    return run.checkpoint if epochs is None else run.checkpoint.parent / f"averaged-{epochs}.pt"


def average_epochs(run: Run) -> None:
    """Write the average beside the checkpoints, unless it was made from what is there now.

    Does nothing for an experiment that decodes the best checkpoint.
    """
    epochs = run.experiment.average_epochs
    if epochs is None:
        return
    output = decoded_checkpoint(run)
    try:
        paths = last_checkpoints(output.parent, "epochs", epochs)
    except SharingError as error:
        raise SharingError(f"{run.name}, with average_epochs = {epochs}: {error}") from None
    facts = {path.name: path.stat() for path in paths}
    made_from = {name: [fact.st_size, fact.st_mtime_ns] for name, fact in facts.items()}
    stage = Stage(run.folder, "average", {"checkpoints": made_from}, (output,))
    if not stage.is_finished():
        print(f"averaging the last {epochs} epochs of {run.name}")
        write_checkpoint(average(paths), output, force=True)
        stage.finish()
