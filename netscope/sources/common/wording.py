"""How a wrong name is answered."""

from __future__ import annotations

from collections.abc import Iterable

_LIMIT = 3


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """ " Did you mean a, b or c?", to stand after a sentence; "" when nothing known looks like `name`.

    What follows the prefix is compared, among names of the same prefix where there is a right one, so
    that "resnet50" finds "torchvision/resnet50" before longer names that contain it, and "hf/berd"
    does not find whatever else is short and starts with "hf/".
    """
    from netscope.base.suggest import nearest

    names = list(known)
    prefix = name[: name.rfind("/") + 1]
    names = [full for full in names if full.startswith(prefix)] or names
    by_tail: dict[str, list[str]] = {}
    for full in names:
        by_tail.setdefault(full.rpartition("/")[2], []).append(full)
    close: list[str] = []
    for tail in nearest(name.rpartition("/")[2], by_tail, limit=_LIMIT):
        close += sorted(by_tail[tail], key=lambda full: "/" in full)  # the zoo's own first
    match close[:_LIMIT]:
        case []:
            return ""
        case [only]:
            return f" Did you mean {only}?"
        case [*others, last]:
            return f" Did you mean {', '.join(others)} or {last}?"
        case _:  # pragma: no cover - the cases above are all there are
            raise AssertionError(close)
