"""The decoder that fairseq's language model is built with.

``TransformerModelBase`` leaves its decoder to a method, ``build_decoder``. For
``TransformerLanguageModel`` there is none: it calls ``TransformerDecoder`` by name, in the middle
of a method that also builds the embeddings. Here that name is replaced by a function that builds
the decoder that the caller asks for.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_asked_for: ContextVar[Callable | None] = ContextVar("decoder", default=None)


@contextmanager
def built_as(decoder: Callable) -> Iterator[None]:
    """Within it, language models get ``decoder``, called with the arguments of fairseq's own."""
    token = _asked_for.set(decoder)
    try:
        yield
    finally:
        _asked_for.reset(token)


def replaceable(plain: Callable) -> Callable:
    """A function that builds what ``built_as`` asks for, else ``plain``."""

    def decoder(*args: Any, **kwargs: Any) -> Any:
        return (_asked_for.get() or plain)(*args, **kwargs)

    return decoder
