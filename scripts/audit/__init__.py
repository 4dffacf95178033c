"""The parts of ``scripts/torture.py``: hostile files and accidents of every kind, and what must hold in each."""
