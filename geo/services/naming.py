"""Names in comparable form: what two departments write differently for one compound or building."""

from __future__ import annotations

from geo.formats.numerals import normalise, ordinal_of

__all__ = ["house_number", "masked_name", "plain_text"]

# A name of so many characters is taken to begin with a double surname (欧阳修文).
_DOUBLE_SURNAME = 4


def plain_text(text: str) -> str:
    """Return the text folded (NFKC) and without blanks."""
    return normalise(text).replace(" ", "")


def house_number(text: str) -> str:
    """Return a building's number without its unit word: 三号楼, 3#, ３栋 and 03 are all "3"; "" where there is none.

    A letter stays (3A栋 is "3A"): it names another building.
    """
    plain = plain_text(text).upper()
    number = ordinal_of(plain)
    if number is None:
        return ""
    digits = plain.lstrip("0").removeprefix(str(number))
    letter = digits[0] if digits and "A" <= digits[0] <= "Z" else ""
    return f"{number}{letter}"


def masked_name(name: str) -> str:
    """Mask a personal name: 张三 is shown as 张*, 欧阳修文 as 欧阳**."""
    family = 2 if len(name) >= _DOUBLE_SURNAME else 1
    return name[:family] + "*" * max(len(name) - family, 0)
