"""How the C library treats memory that is given back to it."""

import ctypes
import os
import sys

MMAP_THRESHOLD, TRIM_THRESHOLD = -3, -1
"""Numbers of glibc's settings."""
LARGEST_IN_HEAP = 32 << 20
"""What glibc itself takes at most, once blocks of that size have been freed."""
KEPT = 1 << 30


def keep_freed_memory() -> None:
    """Pictures come and go by the megabyte, and what returns to the system is cleared anew for the next one.

    Finding faces takes a sixth longer that way. Whoever has set `MALLOC_...` in the environment decides
    alone; other C libraries are left as they are.
    """
    chosen = any(name.startswith("MALLOC_") for name in os.environ)
    if chosen or not sys.platform.startswith("linux"):
        return
    setting = getattr(ctypes.CDLL(None), "mallopt", None)
    if setting is not None:
        setting(MMAP_THRESHOLD, LARGEST_IN_HEAP)
        setting(TRIM_THRESHOLD, KEPT)
