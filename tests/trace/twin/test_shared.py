"""What cannot be copied is watched: what of it changed is put back, or said not to be."""

from __future__ import annotations

import collections
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from netscope.trace.twin.shared import Shared, dict_of

BACK = ", which cannot be copied and was put back"
LOST = ", which cannot be copied and was not put back"


class Ends:
    """With a finalizer, so that no copy is made of it."""

    calls: int

    def __init__(self) -> None:
        self.count = 0
        self.items = [1]
        self.names = {"one": 1}
        self.members = {1}
        self.last = collections.deque([1, 2], maxlen=2)

    def __del__(self) -> None: ...


def watched(value: Any) -> Shared:
    return Shared(value, dict_of(value))


def test_nothing_is_said_of_what_did_not_change() -> None:
    assert watched(Ends()).put_back() is None
    assert watched(object()).put_back() is None


def test_attributes_are_put_back_and_named() -> None:
    value = Ends()
    before = dict(vars(value))
    shared = watched(value)
    value.count += 1
    value.calls = 1
    del value.last
    assert shared.put_back() == f"Ends (calls, count, last){BACK}"
    assert vars(value) == before
    assert value.last is before["last"]


def test_what_their_containers_hold_is_put_back() -> None:
    value = Ends()
    held = dict(vars(value))
    shared = watched(value)
    value.items.append(2)
    value.names["one"] = 2
    value.members.clear()
    value.last.append(3)  # as long as before
    assert shared.put_back() == f"Ends (items, last, members, names){BACK}"
    assert (value.items, value.names, value.members, list(value.last)) == ([1], {"one": 1}, {1}, [1, 2])
    assert all(vars(value)[name] is item for name, item in held.items())


def test_it_is_said_once() -> None:
    value = Ends()
    shared = watched(value)
    value.count = 1
    assert shared.put_back() is not None
    assert shared.put_back() is None


def numbers() -> Iterator[int]:
    yield from range(9)


def test_a_generator_that_went_on_cannot_be_put_back() -> None:
    running, ends = numbers(), numbers()
    next(running)
    assert watched(running).put_back() is None
    shared, other = watched(running), watched(ends)
    list(running)
    list(ends)
    assert shared.put_back() == f"generator{LOST}"
    assert other.put_back() == f"generator{LOST}"


def test_an_iterator_that_went_on_cannot_be_put_back() -> None:
    one = iter(collections.deque([1, 2, 3]))
    shared = watched(one)
    assert shared.put_back() is None
    next(one)
    assert shared.put_back() == f"_deque_iterator{LOST}"


@pytest.fixture
def file() -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile() as opened:
        opened.write(b"abcdef")
        opened.seek(2)
        yield opened


def test_where_a_file_is_read_is_put_back(file: IO[bytes]) -> None:
    shared = watched(file)
    assert shared.put_back() is None
    assert file.read(2) == b"cd"
    assert shared.put_back() == f"BufferedRandom{BACK}"
    assert file.tell() == 2


def test_what_was_written_to_a_file_cannot_be_put_back(file: IO[bytes]) -> None:
    file.seek(0, 2)
    shared = watched(file)
    file.write(b"g")
    assert shared.put_back() == f"BufferedRandom{LOST}"
    assert file.tell() == 6


def test_what_the_owner_has_not_yet_flushed_is_no_writing(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w+") as log:
        log.write("abc")
        shared = watched(log)
        log.seek(0)
        assert shared.put_back() == f"TextIOWrapper{BACK}"


def test_a_file_that_was_closed_cannot_be_put_back(file: IO[bytes]) -> None:
    shared = watched(file)
    file.close()
    assert shared.put_back() == f"BufferedRandom{LOST}"


def test_one_that_was_closed_before_is_left_alone(file: IO[bytes]) -> None:
    file.close()
    assert watched(file).put_back() is None


def test_the_content_of_a_view_is_put_back() -> None:
    content = bytearray(b"abcdef")
    part = memoryview(content)[1:4]
    shared = watched(part)
    assert shared.put_back() is None
    part[0] = 0
    assert shared.put_back() == f"memoryview{BACK}"
    assert content == b"abcdef"


def test_that_of_one_with_gaps_is_said_to_be_lost() -> None:
    every_other = memoryview(bytearray(b"abcdef"))[::2]
    shared = watched(every_other)
    every_other[1] = 0
    assert shared.put_back() == f"memoryview{LOST}"


def test_a_logger_that_looked_up_its_level_has_not_changed() -> None:
    logger = logging.getLogger("netscope.tests.shared")
    logger.manager._clear_cache()  # type: ignore[attr-defined]
    shared = watched(logger)
    logger.debug("to nobody")
    assert vars(logger)["_cache"]
    assert shared.put_back() is None
    logger.setLevel(logging.ERROR)
    assert shared.put_back() == f"Logger (level){BACK}"


class Hidden:
    """Says other things of its attributes."""

    def __init__(self) -> None:
        self.one = 1

    def __getattribute__(self, name: str) -> Any:
        raise AssertionError(name)


class Slotted:
    __slots__ = ("one",)


def test_attributes_are_read_past_what_a_class_says_of_them() -> None:
    assert dict_of(Hidden()) == {"one": 1}
    assert dict_of(Slotted()) == {}
    assert dict_of(3) == {}
    shared = watched(Hidden())
    assert shared.put_back() is None
