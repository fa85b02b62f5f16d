"""Lists of numbers and names, worded for an English sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WEEKDAY_NAMES = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTH_NAMES = (
    *("", "January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
NTH = ("", "first", "second", "third", "fourth", "fifth")
SHOWN = 6  # this many things are listed one by one
_FEW = 3


def bits(mask: int) -> list[int]:
    """The numbers of the bits that are set."""
    return [bit for bit in range(mask.bit_length()) if mask >> bit & 1]


def spans(numbers: Sequence[int], names: Sequence[str] = ()) -> str:
    """`1, 3 and 5 to 9`: runs of three or more show only their ends; `0, 7, 14 … 56`."""
    step = numbers[1] - numbers[0] if len(numbers) > SHOWN else 1
    if step > 1 and list(numbers) == list(range(numbers[0], numbers[-1] + 1, step)):
        return f"{', '.join(str(number) for number in numbers[:3])} … {numbers[-1]}"
    parts: list[str] = []
    place = 0
    while place < len(numbers):
        end = place
        while end + 1 < len(numbers) and numbers[end + 1] == numbers[end] + 1:
            end += 1
        end = end if end - place + 1 >= _FEW else place
        first, last = (
            names[number % len(names)] if names else str(number) for number in (numbers[place], numbers[end])
        )
        parts.append(first if first == last else f"{first} to {last}")
        place = end + 1
    return joined(parts)


def joined(parts: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def plural(word: str, numbers: Sequence[object]) -> str:
    """The word, with an s for more than one."""
    return word if len(numbers) == 1 else f"{word}s"
