"""The dictionaries and the SentencePiece model that belong to a checkpoint."""

from pathlib import Path

from fairseq.data import Dictionary
from fairseq.data.data_utils import infer_language_pair
from sentencepiece import SentencePieceProcessor

from ..checkpoint.contents import Checkpoint, State
from ..errors import SharingError


def trained_languages(checkpoint: Checkpoint, data: Path) -> tuple[str, str]:
    """Source and target as the model was trained, else as ``data`` names its files.

    Raises SharingError if neither says.
    """
    task = checkpoint.task_options()
    trained = task.get("source_lang"), task.get("target_lang")
    source, target = (
        trained if all(trained) or not data.is_dir() else infer_language_pair(str(data))
    )
    if not (source and target):
        raise SharingError(
            f"neither the checkpoint nor the files in {data} say which languages it translates; "
            "give --source-lang and --target-lang"
        )
    return source, target


def read_dictionary(path: Path, side: str, state: State) -> Dictionary:
    """The dictionary of ``side``, ``encoder`` or ``decoder``.

    Raises SharingError if it is missing, damaged or not as long as the embeddings in ``state``.
    """
    if not path.is_file():
        raise SharingError(f"no dictionary {path}; --data is the folder of fairseq-preprocess")
    try:
        words = Dictionary.load(str(path))
    except Exception as error:  # fairseq raises that very class for what is not UTF-8
        reason = str(error).strip().replace("\n", " ")
        raise SharingError(
            f"dictionary {path} is damaged ({reason}); give the --data that the model was "
            "trained with"
        ) from None
    rows = len(state[f"{side}.embed_tokens.weight"])
    if len(words) != rows:
        raise SharingError(
            f"dictionary {path} has {len(words)} entries, the {side}'s embeddings {rows}; "
            "give the --data that the model was trained with"
        )
    return words


def check_pieces(path: Path, pieces: SentencePieceProcessor, words: Dictionary) -> None:
    """Raise SharingError if ``pieces``, read from ``path``, are not what ``words`` are made of."""
    own = [word for word in words.symbols[words.nspecial :] if not word.startswith("madeupword")]
    known = sum(pieces.piece_to_id(word) != pieces.unk_id() for word in own)
    if known < len(own) / 2:
        raise SharingError(
            f"{path} has only {known} of the dictionary's {len(own)} words as its pieces; "
            "give the --spm that the training text was split with"
        )
