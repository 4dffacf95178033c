"""NumPy arrays whose exact type does not matter."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Of any type of element.
AnyArray = NDArray[Any]
AnyDtype = np.dtype[Any]
# Of either precision.
FloatArray = NDArray[np.floating[Any]]
