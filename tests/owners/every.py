"""All owners, with the families they come from."""

from __future__ import annotations

from tests.owners import arguments, caches, forwards, generators, modules, tensors
from tests.owners.owner import OWNERS, Made, Owner, run, seed

FAMILIES = (arguments, caches, forwards, generators, modules, tensors)

__all__ = ["FAMILIES", "OWNERS", "Made", "Owner", "run", "seed"]
