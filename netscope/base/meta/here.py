"""What a thread builds at the moment. Other threads have their own, and notice nothing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from netscope.base.meta.chance import Chance
    from netscope.base.meta.twins import Twins


class Here(threading.local):
    """Of one thread.

    chance:
        the generators that it draws from; None for the process's.
    twins:
        of its build on meta; None where there is none.
    free:
        whether filling a meta tensor is left out.
    templates:
        of layers, while they are filled in from these.
    modes:
        how many modes of torch functions are netscope's own.
    """

    chance: Chance | None = None
    twins: Twins | None = None
    free: bool = False
    templates: dict[tuple[Any, ...], Any] | None = None
    modes: int = 0


here: Final = Here()
