"""Try a request again while its store is busy."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from typing import TypeVar

from restore.stores.faults import is_transient

T = TypeVar("T")

_FIRST_SECONDS, _LONGEST_SECONDS = 0.5, 20.0


def patiently(request: Callable[[], T], seconds: float) -> T:
    """The result of a request. While it fails for a passing reason it is made again, less and less often.

    Waits double from half a second to twenty, and are shortened at random by up to a half, so that many workers do not
    come back at the same moment.

    Args:
        request: raises what the store's library raises.
        seconds: how long to go on; 0 for no limit.

    Raises:
        Exception: the last one of the request.
    """
    deadline = time.monotonic() + (seconds or math.inf)
    wait = _FIRST_SECONDS
    while True:
        try:
            return request()
        except Exception as error:
            pause = wait * random.uniform(0.5, 1)
            if not is_transient(error) or time.monotonic() + pause > deadline:
                raise
        time.sleep(pause)
        wait = min(2 * wait, _LONGEST_SECONDS)
