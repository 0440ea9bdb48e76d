"""Memory that is freed goes back to the system, so that a long run needs no more of it than a short one."""

import ctypes
import sys

TRIM_THRESHOLD, MMAP_THRESHOLD, ARENA_MAX = -1, -3, -8
"""Of glibc's mallopt(3)."""
LARGE = 1 << 18
"""Bytes from which a block is the system's own. By itself glibc raises that to 32 MB, and its heaps fall to
pieces when pictures of many sizes come and go in several threads."""
NUM_HEAPS = 1


def return_freed_memory() -> bool:
    """For the rest of this process; whether its allocator knows how."""
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:  # another C library than glibc
        return False
    settings = {MMAP_THRESHOLD: LARGE, TRIM_THRESHOLD: 4 * LARGE, ARENA_MAX: NUM_HEAPS}
    return all(mallopt(name, value) == 1 for name, value in settings.items())
