"""fairseq's trainer logs a line for each name of a tied parameter: 254 for 12 layers from 6.

The model itself says in one line which layers share.
"""

import logging


def leave_out() -> None:
    """Drop the lines on parameters of layers; those on embeddings stay."""
    logging.getLogger("fairseq.trainer").addFilter(_is_not_of_layers)


def _is_not_of_layers(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    return not ("detected shared parameter: " in message and "coder.layers." in message)
