"""Makes address texts as people say and write them, with the noise named; shares no code with the matcher."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from pypinyin import lazy_pinyin

if TYPE_CHECKING:
    import numpy as np

__all__ = ["COMPLAINTS", "TAILS", "Query", "Speaker", "Subject", "in_words", "noisy_queries"]

_DIGITS = "零一二三四五六七八九"
COMPLAINTS = (
    "暖气不热", "暖气不热室温只有15度", "顶层渗水墙皮脱落", "楼道灯不亮", "门前积雪没人清", "下水井返水",
    "停电半天了", "垃圾没人收", "有人乱停车堵住单元门", "路灯坏了3天没人管", "水压低高层没水", "广场舞音量太大",
    "流浪狗成群", "供热管网漏水", "电梯停运", "物业收费不服务", "老人行动不便需要上门办理", "邻居装修噪音扰民",
    "房盖融雪漏水", "有燃气味", "井盖缺失怕孩子掉进去", "12月份就开始漏水",
)  # fmt: skip
_CHATTER = ("我家住", "我住在", "家住", "您好，我是", "你好，", "请问", "地址：", "位于", "在", "居民反映，")
_RELATIONS = ("门口", "门前", "附近", "对面", "旁边", "后身", "后面", "院内", "东侧", "斜对面")
TAILS = ("小区", "家园", "花园", "新村", "嘉苑", "家属楼")


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that can be asked for, with the grid that is true."""

    kind: str
    name: str
    town: str
    community: str
    grid: int
    number: int = 0
    stairwells: int = 1
    floors: int = 1
    zone: str = ""
    alias: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """A text, the true grid (None: must not be answered), the noises in it, and the community known besides."""

    text: str
    grid: int | None
    noises: tuple[str, ...]
    community: str = ""


@cache
def _common() -> str:
    """Return the 3,755 characters of GB 2312's first level, most of what is ever typed."""
    return "".join(
        bytes((row, cell)).decode("gb2312")
        for row, cell in itertools.product(range(0xB0, 0xD8), range(0xA1, 0xFF))
        if not (row == 0xD7 and cell > 0xF9)
    )


@cache
def _homophones() -> dict[str, str]:
    found: dict[str, str] = {}
    for char, syllable in zip(_common(), lazy_pinyin(_common()), strict=True):
        found[syllable] = found.get(syllable, "") + char
    return found


def in_words(n: int) -> str:
    if n < 10:
        return _DIGITS[n]
    tens, ones = divmod(n, 10)
    return ("" if tens == 1 else _DIGITS[tens]) + "十" + (_DIGITS[ones] if ones else "")


def _wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if c.isascii() and c.isalnum() else c for c in text)


class Speaker:
    """Says one subject's address once, keeping note of the noises."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self.noises: list[str] = []

    def chance(self, share: float) -> bool:
        """Tell whether something of this share happens."""
        return bool(self._rng.random() < share)

    def pick(self, options: Any) -> Any:
        """Return one of several, each as likely."""
        return options[int(self._rng.integers(len(options)))]

    def say(self, subject: Subject) -> str:
        """Say a subject's address, with whatever noise chance brings."""
        self.noises = [subject.kind]
        name = {"building": self._building, "quarter": self._quarter, "place": self._place}[subject.kind](subject)
        return self._around(self._area(subject) + name)

    # -- parts ----------------------------------------------------------------------------------
    def _area(self, subject: Subject) -> str:
        form = self._rng.choice(["none", "town", "community", "both"], p=[0.12, 0.38, 0.18, 0.32])
        if form == "none":
            self._note("no area")
            return ""
        county = "" if not self.chance(0.15) else self.pick(("丰林县", "伊春市丰林县", "黑龙江省伊春市丰林县", "丰林"))
        town = self._town(subject.town) if form in ("town", "both") else ""
        community = self._community(subject.community) if form in ("community", "both") else ""
        return f"{county}{town}{community}"

    def _town(self, town: str) -> str:
        town = self._misheard(town, 0.03)
        if self.chance(0.12):
            self._note("town without 镇")
            return town.removesuffix("镇")
        return town

    def _community(self, name: str) -> str:
        name = self._misheard(name, 0.03)
        core = name.removesuffix("社区")
        if core != name and self.chance(0.25):
            self._note("community otherwise")
            return core + self.pick(("居委会", "社区居委会", "社区居民委员会", "", "居民委员会"))
        return name

    def _building(self, subject: Subject) -> str:
        name = self._damaged(subject.name)
        if name == subject.name and self.chance(0.05):
            tail = next((t for t in TAILS if name.endswith(t)), "")
            if tail:
                self._note("kind of compound missing")
                name = name.removesuffix(tail)
        stairwell = int(self._rng.integers(1, max(subject.stairwells, 1) + 1))
        room = f"{int(self._rng.integers(1, max(subject.floors, 1) + 1))}0{int(self._rng.integers(1, 4))}"
        return name + self._numbers(subject.number, stairwell, room)

    def _numbers(self, number: int, stairwell: int, room: str) -> str:
        if self.chance(0.18):
            self._note("hyphens")
            dash = self.pick(("-", "-", "—", "－"))
            return dash.join((str(number), str(stairwell), room)) + self.pick(("", "室"))
        styles = (
            "{n}号楼",
            "{n}号楼",
            "{w}号楼",
            "{n}栋",
            "{w}栋",
            "{n}幢",
            "{n}#",
            "{n}#楼",
            "{f}号楼",
            "{n}座",
            "{n} 号楼",
            "0{n}号楼",
        )
        style = self.pick(styles)
        if style != styles[0]:
            self._note("number otherwise")
        text = style.format(n=number, w=in_words(number), f=_wide(str(number)))
        if self.chance(0.65):
            text += self.pick((f"{stairwell}单元", f"{in_words(stairwell)}单元", f"{stairwell}门", f" {stairwell}单元"))
            text += self.pick((f"{room}室", room, "", f"{room}号", f"{in_words(int(room[0]))}楼"))
        return text

    def _quarter(self, subject: Subject) -> str:
        committee, group = (int(x) for x in subject.name.removesuffix("组").split("委"))
        zone = ""
        if subject.zone and self.chance(0.5):
            zone = self._damaged(subject.zone)
        number = self.pick(
            (
                f"{committee}委{group}组",
                f"{committee}委{group}组",
                f"{in_words(committee)}委{in_words(group)}组",
                _wide(f"{committee}委{group}组"),
            )
        )
        return f"{zone}{number}{self.pick(('', '平房', '平房', ' 平房', '3号'))}"

    def _place(self, subject: Subject) -> str:
        name = subject.alias if subject.alias and self.chance(0.5) else subject.name
        name = self._damaged(name)
        if self.chance(0.6):
            self._note("beside")
            name += self.pick(_RELATIONS)
        return name

    # -- noise ----------------------------------------------------------------------------------
    def _note(self, noise: str) -> None:
        self.noises.append(noise)

    def _misheard(self, name: str, share: float) -> str:
        if not self.chance(share):
            return name
        at = int(self._rng.integers(len(name)))
        options = _homophones().get(lazy_pinyin(name[at])[0], "").replace(name[at], "")
        if not options or name[at].isdigit():
            return name
        self._note("homophone")
        return name[:at] + self.pick(options) + name[at + 1 :]

    def _damaged(self, name: str) -> str:
        heard = self._misheard(name, 0.10)
        return self._mistyped(heard) if heard == name and self.chance(0.06) else heard

    def _mistyped(self, name: str) -> str:
        at = int(self._rng.integers(len(name)))
        kind = self.pick(("replaced", "lost", "doubled", "swapped"))
        if kind == "lost" and len(name) > 3:
            typed = name[:at] + name[at + 1 :]
        elif kind == "doubled":
            typed = name[: at + 1] + name[at:]
        elif kind == "swapped" and at + 1 < len(name) and name[at] != name[at + 1]:
            typed = name[:at] + name[at + 1] + name[at] + name[at + 2 :]
        else:
            kind, typed = "replaced", name[:at] + self.pick(_common()) + name[at + 1 :]
        self._note(f"letter {kind}")
        return typed

    def _around(self, text: str) -> str:
        if self.chance(0.15):
            self._note("chatter")
            text = self.pick(_CHATTER) + text
        if self.chance(0.45):
            self._note("complaint")
            text += self.pick(("，", "，", " ", "：", "。", "", "", "的")) + self.pick(COMPLAINTS)
        if self.chance(0.06):
            self._note("wide")
            text = _wide(text)
        return text + ("　" if self.chance(0.04) else "")


def noisy_queries(subjects: list[Subject], count: int, rng: np.random.Generator) -> list[Query]:
    """Draw subjects (60 % numbered buildings, 22 % quarters, 18 % places) and say each once."""
    speaker = Speaker(rng)
    kinds = {k: [s for s in subjects if s.kind == k] for k in ("building", "quarter", "place")}
    found = []
    for kind in rng.choice(list(kinds), count, p=[0.60, 0.22, 0.18]):
        subject = speaker.pick(kinds[str(kind)])
        text = speaker.say(subject)
        found.append(Query(text, subject.grid, tuple(speaker.noises)))
    return found
