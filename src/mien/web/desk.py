"""Where work is handed in: one thread that does it, and a queue before it that can be full."""

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

Answer = TypeVar("Answer")
FIRST_GUESS = 5.0
"""Seconds that a piece of work takes, as long as none was done."""
REMEMBERED = 8
"""Pieces of work that the next is expected to be like."""


class BusyError(Exception):
    """The queue is full."""

    def __init__(self, num_waiting: int, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(f"{num_waiting} are waiting already: please try again in {seconds} seconds")


class StoppedError(Exception):
    """The work was given up before its end."""


class LateError(Exception):
    """The work took longer than it may."""


@dataclass(frozen=True)
class Progress:
    """How far a piece of work is."""

    share: float
    saying: str


class Ticket(Generic[Answer]):
    """A piece of work that waits, is being done, or is over."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.deadline = time.monotonic() + seconds
        self.progress = Progress(0.0, "waiting")
        self.future: Future[Answer] = Future()
        self._is_stopped = threading.Event()

    def tell(self, share: float, saying: str) -> None:
        """Called by the work now and then; this is where it ends if nobody wants it any more."""
        self.check()
        self.progress = Progress(share, saying)

    def check(self) -> None:
        if self._is_stopped.is_set():
            raise StoppedError("stopped")
        if self.is_late:
            raise self.late()

    @property
    def is_late(self) -> bool:
        """Whether its time is over."""
        return time.monotonic() > self.deadline

    def late(self) -> LateError:
        return LateError(f"this took longer than {self.seconds:.0f} seconds, which is the limit here")

    def stop(self) -> None:
        """What still waits never begins; what is being done ends at its next word."""
        self._is_stopped.set()
        self.future.cancel()


class Desk:
    """One thread, so that networks do not fight over the processor, and all else goes on beside it."""

    def __init__(self, places: int, seconds: float) -> None:
        """`places` may wait while one is worked on; each may take so many seconds, waiting included."""
        self.places, self.seconds = places, seconds
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mien-work")
        self._lock = threading.Lock()
        self._open: deque[Ticket[object]] = deque()
        self._lengths: deque[float] = deque(maxlen=REMEMBERED)

    def submit(self, work: Callable[[Ticket[Answer]], Answer]) -> Ticket[Answer]:
        """Hand in; refused if too many wait."""
        ticket: Ticket[Answer] = Ticket(self.seconds)
        with self._lock:
            if len(self._open) > self.places:
                raise BusyError(len(self._open) - 1, self._guess())
            self._open.append(ticket)  # pyright: ignore[reportArgumentType]
            ticket.future = self._executor.submit(self._do, ticket, work)
        ticket.future.add_done_callback(lambda future: self._leave(ticket))  # pyright: ignore[reportArgumentType]
        return ticket

    def refuse_if_full(self) -> None:
        """The same refusal before anything was handed in."""
        with self._lock:
            if len(self._open) > self.places:
                raise BusyError(len(self._open) - 1, self._guess())

    @property
    def num_open(self) -> int:
        """Pieces of work that wait or are being done."""
        with self._lock:
            return len(self._open)

    def num_before(self, ticket: Ticket[Answer]) -> int:
        """How many are served first."""
        with self._lock:
            return next((number for number, other in enumerate(self._open) if other is ticket), 0)

    def close(self) -> None:
        """Give up everything."""
        with self._lock:
            tickets = [*self._open]
        for ticket in tickets:
            ticket.stop()
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _do(self, ticket: Ticket[Answer], work: Callable[[Ticket[Answer]], Answer]) -> Answer:
        ticket.check()
        start = time.monotonic()
        try:
            return work(ticket)
        finally:
            with self._lock:
                self._lengths.append(time.monotonic() - start)

    def _leave(self, ticket: Ticket[object]) -> None:
        with self._lock:
            self._open.remove(ticket)

    def _guess(self) -> int:
        """Seconds until a place is free."""
        length = sum(self._lengths) / len(self._lengths) if self._lengths else FIRST_GUESS
        return max(1, round(length))


def outcome(ticket: Ticket[Answer]) -> Answer:
    """What came of a piece of work; one that is not over is late, or was stopped."""
    try:
        return ticket.future.result(timeout=0)
    except (CancelledError, TimeoutError) as error:
        raise ticket.late() if ticket.is_late else StoppedError("stopped") from error
