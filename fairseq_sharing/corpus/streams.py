"""Streams of text: in batches through several processes, sorted on disk, written whole or not."""

import gc
import logging
import os
import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import IO, Any, TypeVar

from ..commands.places import usable_cores
from ..errors import SharingError

T = TypeVar("T")
R = TypeVar("R")

BATCH = 5_000
SORT_MEMORY = "128M"


def batches(items: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    """The items in lists of at most size."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def in_processes(make: Callable[[], Callable[[list[T]], R]], items: Iterable[T]) -> Iterator[R]:
    """What a function returns for each batch of the items, in order, by a process a core.

    make builds the function in each process. Two batches a core are in memory, no more. Raises
    SharingError if a process is killed, as it is where memory runs out.
    """
    waiting: deque[Future[R]] = deque()
    cores = usable_cores()
    pool = ProcessPoolExecutor(cores, get_context("fork"), _set_up, (make,))
    with pool:
        try:
            for batch in batches(items):
                waiting.append(pool.submit(_call, batch))
                if len(waiting) > 2 * cores:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise SharingError(
                f"one of {cores} processes that read text was killed, most likely because memory "
                "ran out: free some, or use fewer processes (taskset --cpu-list 0 before the "
                "command), then run the same command to resume"
            ) from None
        finally:
            for future in waiting:
                future.cancel()


_function: Callable[[Any], Any]


def _set_up(make: Callable[[], Callable[[Any], Any]]) -> None:
    global _function
    gc.freeze()  # objects of the parent, such as thread pools, must not be destroyed here
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _function = make()


def _call(batch: Any) -> Any:
    return _function(batch)


def _end_with_parent() -> None:
    """End this process with its parent; it would keep waiting for work and hold its locks."""
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def sorted_lines(lines: Iterable[str], folder: Path, *commands: list[str]) -> Iterator[str]:
    """Lines through GNU sort with the options of each command in turn, by bytes.

    Each takes 128 MiB of memory and keeps what is over in folder for as long as it works.
    """
    if shutil.which("sort") is None:
        raise SharingError("sort not found: install GNU coreutils")
    options = ["--buffer-size", SORT_MEMORY, "--temporary-directory", str(folder)]
    sorts: list[subprocess.Popen[str]] = []
    with ExitStack() as stack:
        for command in commands:
            process = subprocess.Popen(
                ["sort", *options, *command],
                stdin=sorts[-1].stdout if sorts else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                env=os.environ | {"LC_ALL": "C"},
            )
            if sorts:  # or a sort would wait for ever to write to one that has failed
                _text(sorts[-1].stdout).close()
            sorts.append(stack.enter_context(process))
            stack.callback(process.kill)
        with suppress(BrokenPipeError), _text(sorts[0].stdin) as stdin:
            stdin.writelines(lines)
        yield from _text(sorts[-1].stdout)
        for process in reversed(sorts):  # the others fail because the last one did
            if process.wait() != 0:
                reason = _text(process.stderr).read().strip() or f"status {process.returncode}"
                raise SharingError(f"cannot sort in {folder}: {reason}")


def _text(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


@contextmanager
def without_logging() -> Iterator[None]:
    """Silence logging while the body runs: libraries log what they then raise."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


@contextmanager
def writing(*paths: Path, mode: str = "w") -> Iterator[list[IO[Any]]]:
    """Open files for writing that appear under their names when all of them are complete."""
    parts = [path.with_name(path.name + ".part") for path in paths]
    encoding = None if "b" in mode else "utf-8"
    try:
        with ExitStack() as stack:
            for part in parts:
                part.parent.mkdir(parents=True, exist_ok=True)
            yield [stack.enter_context(part.open(mode, encoding=encoding)) for part in parts]
        for part, path in zip(parts, paths, strict=True):
            os.replace(part, path)
    except BaseException:
        for part in parts:
            part.unlink(missing_ok=True)
        raise
