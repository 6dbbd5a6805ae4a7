"""A bar while a fit is slow, and a pool of threads while it lasts."""
from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
import os
import sys
import time

from statsmodels_gllamm.estimation.options import integer

PATIENCE = 3.0  # seconds before a bar appears by itself


def _cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def thread_pool(n: int | None):
    """A pool of n threads (None: as many as cores), or None for one."""
    n = _cores() if n is None else integer("threads", n)
    if n == 1:
        yield None
        return
    with ThreadPoolExecutor(n) as pool:
        yield pool


class Progress:
    """Tells the iteration and the log-likelihood, with tqdm where it is installed.

    Parameters
    ----------
    show : bool or None
        None: only in a terminal or notebook, and only when the fit is slow.
    what, unit : str
        What is done, and what is counted.
    """

    def __init__(self, show: bool | None, what="fit", unit=" iterations") -> None:
        if show not in (None, True, False):
            raise ValueError(f"progress is None, True or False, not {show!r}")
        self.show, self.began, self.bar = show, time.monotonic(), None
        self.what, self.unit = what, unit

    def _wanted(self) -> bool:
        if self.show is not None:
            return self.show
        live = sys.stderr.isatty() or "ipykernel" in sys.modules
        return live and time.monotonic() - self.began > PATIENCE

    def update(self, iteration: int, loglik: float, gain: float) -> None:
        """One more iteration."""
        self.tell(f"log-likelihood {loglik:.6g}, to gain {gain:.2g}")

    def tell(self, text: str) -> None:
        """One more, and a text."""
        if self.bar is None and self._wanted():
            try:
                from tqdm.auto import tqdm
            except ImportError:
                tqdm = _Lines
            self.bar = tqdm(desc=self.what, unit=self.unit)
        if self.bar is not None:
            self.bar.update()
            self.bar.set_postfix_str(text)

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.close()


class _Lines:
    """One line an iteration, for want of tqdm."""

    def __init__(self, desc: str, unit: str) -> None:
        self.desc, self.unit, self.count = desc, unit, 0

    def update(self) -> None:
        self.count += 1

    def set_postfix_str(self, text: str) -> None:
        print(f"{self.desc}: {self.count}{self.unit}, {text}", file=sys.stderr)

    def close(self) -> None:
        pass
