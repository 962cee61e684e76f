"""The tokeniser that BLEU is computed with: sacreBLEU's for the target language, or one named."""

import logging
from functools import cache
from pathlib import Path

from sacrebleu.metrics import BLEU
from sacrebleu.utils import SACREBLEU_DIR

from ..errors import SharingError
from .experiment import Experiment
from .languages import UNSPACED, code_of

HAVE_A_TOKENIZER = {"zh": "zh", "ja": "ja-mecab", "ko": "ko-mecab"}
"""What sacreBLEU chooses for languages other than with 13a."""

PACKAGES = {"ja-mecab": "sacrebleu[ja]", "ko-mecab": "sacrebleu[ko]"}
NAMED = "bleu_tokenizer"


def bleu_of(experiment: Experiment) -> BLEU:
    """BLEU as sacreBLEU computes it for the target language, or with ``bleu_tokenizer``.

    Raises SharingError, in one line, where the tokeniser's package or model is missing, and for a
    language without spaces that only a named tokeniser can score.
    """
    language = experiment.languages.target
    code = code_of(language)
    if experiment.bleu_tokenizer is None and code in UNSPACED.keys() - HAVE_A_TOKENIZER:
        raise SharingError(
            f"[languages] target = '{language}': {UNSPACED[code]} has no spaces between words and "
            f'sacreBLEU no tokeniser for it; choose {NAMED} = "char" or "flores200" (with "13a", '
            "what stands between spaces is one word)"
        )
    return _bleu(language, experiment.bleu_tokenizer)


def check_tokenizer_name(name: str | None) -> None:
    """Raise SharingError for a tokeniser that sacreBLEU does not have."""
    if name is not None and name not in BLEU.TOKENIZERS:
        raise SharingError(f"{NAMED} = '{name}': choose from {', '.join(BLEU.TOKENIZERS)}")


@cache
def _bleu(language: str, name: str | None) -> BLEU:
    logging.getLogger("sacrebleu").setLevel(logging.WARNING)
    try:
        return BLEU(tokenize=name) if name else BLEU(trg_lang=code_of(language))
    except (ImportError, RuntimeError, OSError, AssertionError, SystemExit) as error:
        raise _missing(language, name, error) from None


def _missing(language: str, name: str | None, error: BaseException) -> SharingError:
    """What to install, or to choose instead, where a tokeniser could not be made."""
    asked = f"{NAMED} = '{name}'" if name else f"BLEU for [languages] target = '{language}'"
    chosen = name or HAVE_A_TOKENIZER[code_of(language)]
    if chosen in PACKAGES:
        return SharingError(
            f"{asked} needs MeCab: pip install '{PACKAGES[chosen]}', or choose another tokeniser "
            f'with {NAMED} = "char" or "flores200"'
        )
    models = Path(SACREBLEU_DIR, "models")
    reason = " ".join(str(error).split()) or type(error).__name__
    return SharingError(
        f"{asked}: sacreBLEU cannot load its SentencePiece model ({reason}): check the network; if "
        f"a file of it is in {models}, remove that or bring it from another machine; or choose "
        f'{NAMED} = "char"'
    )
