"""Processes that share a command's work, and end with it however it ends."""

import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread


def process_pool(num_workers: int) -> ProcessPoolExecutor:
    """Fresh processes: what has started threads must not be forked."""
    return ProcessPoolExecutor(num_workers, mp_context=get_context("spawn"), initializer=leave_with_parent)


def leave_with_parent() -> None:
    """A command that is killed says nothing to its processes, which would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        Thread(target=leave_after, args=(parent.sentinel,), daemon=True).start()


def leave_after(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
