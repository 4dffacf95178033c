"""Types of what JSON and YAML files hold."""

from __future__ import annotations

from typing import Any

# What ``json.loads`` makes of an object; what it holds is checked where it is used.
JsonObject = dict[str, Any]
