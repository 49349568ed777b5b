"""Province, city, county, town and community at the head of an address: known, written by ear, or foreign."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from rapidfuzz.distance import Levenshtein

from geo.address.wording import BREAK, GENERIC_TAILS, fold, folded_sound, sound
from geo.formats.numerals import community_core, community_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["KnownNames", "Reading", "Scope", "Territory", "names_above"]

# Codes of GB/T 2260: provinces, and the cities of Heilongjiang.
_PROVINCES: Final = {
    "11": "北京市",
    "12": "天津市",
    "13": "河北省",
    "14": "山西省",
    "15": "内蒙古自治区",
    "21": "辽宁省",
    "22": "吉林省",
    "23": "黑龙江省",
    "31": "上海市",
    "32": "江苏省",
    "33": "浙江省",
    "34": "安徽省",
    "35": "福建省",
    "36": "江西省",
    "37": "山东省",
    "41": "河南省",
    "42": "湖北省",
    "43": "湖南省",
    "44": "广东省",
    "45": "广西壮族自治区",
    "46": "海南省",
    "50": "重庆市",
    "51": "四川省",
    "52": "贵州省",
    "53": "云南省",
    "54": "西藏自治区",
    "61": "陕西省",
    "62": "甘肃省",
    "63": "青海省",
    "64": "宁夏回族自治区",
    "65": "新疆维吾尔自治区",
}
_CITIES: Final = {
    "2301": "哈尔滨市",
    "2302": "齐齐哈尔市",
    "2303": "鸡西市",
    "2304": "鹤岗市",
    "2305": "双鸭山市",
    "2306": "大庆市",
    "2307": "伊春市",
    "2308": "佳木斯市",
    "2309": "七台河市",
    "2310": "牡丹江市",
    "2311": "黑河市",
    "2312": "绥化市",
    "2327": "大兴安岭地区",
}
_SUFFIX: Final = re.compile(
    r"(?:特别行政区|维吾尔自治区|壮族自治区|回族自治区|自治区|自治州|自治县|省|市|县|镇|乡|地区)$"
)
_HAN: Final = r"[\u4e00-\u9fff]"
_CHATTER: Final = re.compile(
    r"(?:\||您好|你好|请问|喂|我们家|我家|咱们|咱|我们|我是|我要|我想|我|家住|居住在|居住|住址|住在|住|位于|坐落于|就在|在|反映|投诉|举报|咨询|来电人|市民|居民|地址是|地址|称|于|"
    r"事发地点|事发地|地点|是)+"
)
_COMMUNITY_TAIL: Final = (
    r"(?:中心)?(?:社区居民委员会|社区居委会|社区村民委员会|社区委员会|居民委员会|居委会|村民委员会|村委会|"
    r"虚拟社区|社区(?!卫生|服务|医院|诊所|食堂|养老|警务))"
)
_OF: Final = re.compile(r"(?:辖区|境内|范围)?的?\|?")
_TOWN: Final = re.compile(rf"({_HAN}{{1,4}}?)(?:镇|乡(?!村)|街道(?:办事处)?(?!路|上))")
_COMMUNITY: Final = re.compile(rf"({_HAN}{{1,6}}?)(?:{_COMMUNITY_TAIL}|(?<!新)村(?!委|部|口|民))")
_COUNTY: Final = re.compile(
    rf"({_HAN}{{2,7}}?)(?:省(?!道|级)|自治区|自治州|自治县|市(?!场|政|民|容|监|委)|县|"
    r"(?<![小社属房园宅厂校院库景地辖街片心矿业])区(?!域|间|别)|旗(?!杆|舰|帜))"
)
_PLACE_MARKET: Final = ("早", "夜", "菜", "超", "上", "都", "集", "门")
_NEAR_LENGTH: Final = 2


class KnownNames(Protocol):
    """What reading a head needs to know of the names of compounds and places."""

    def longest_at(self, text: str, at: int) -> int:
        """Return the length of the longest known name at a position, 0 where none stands there."""

    def resembles(self, word: str) -> bool:
        """Tell whether a word is, or may be meant to be, a known name."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What an address says about its area.

    `towns` and `communities` are the codes allowed, None where nothing is said. `doubts` are words that are near
    to a known name without being it (a person has to confirm), `foreign` the first name that is none of ours.
    """

    towns: frozenset[str] | None = None
    communities: frozenset[str] | None = None
    doubts: tuple[str, ...] = ()
    foreign: str = ""
    said: Mapping[str, str] = field(default_factory=dict)

    def narrowed(self, level: str, codes: frozenset[str], word: str, *, doubt: bool = False) -> Scope:
        """Return the scope with one more level said."""
        return replace(
            self,
            towns=codes if level == "town" else self.towns,
            communities=codes if level == "community" else self.communities,
            doubts=(*self.doubts, word) if doubt else self.doubts,
            said={**self.said, level: word},
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the head of an address: its scope, and where the name begins."""

    scope: Scope
    at: int


def names_above(county_code: str) -> tuple[tuple[str, str], ...]:
    """Return (level, name) of province and city of a county, as far as its code tells."""
    found = (("province", _PROVINCES.get(county_code[:2], "")), ("city", _CITIES.get(county_code[:4], "")))
    return tuple((level, name) for level, name in found if name)


class Territory:
    """The areas of a county by every name in use for them.

    Parameters
    ----------
    areas : iterable of mapping
        Rows with `code`, `name`, `kind`, `parent_code`, and `aliases` where there are any.
    """

    def __init__(self, areas: Iterable[Mapping[str, Any]]) -> None:
        self.name: dict[str, str] = {}
        self.town_of: dict[str, str] = {}
        self.county = ""
        self._above: dict[str, str] = {}
        self._full: dict[str, tuple[str, set[str]]] = {}
        self._short: dict[str, tuple[str, set[str]]] = {}
        rows = sorted(areas, key=lambda r: str(r["code"]))
        for row in rows:
            self._add(str(row["code"]), str(row["name"]), str(row["kind"]), row)
        if rows:
            for level, name in names_above(str(rows[0]["code"])):
                self._add_above(level, name)
        self._cores = {w: e for w, e in (*self._short.items(), *self._full.items()) if e[0] == "community"}
        self._community = re.compile("|".join(map(re.escape, sorted(self._cores, key=_longest))) or r"(?!)")
        self._tail = re.compile(_COMMUNITY_TAIL)

    def _add(self, code: str, name: str, kind: str, row: Mapping[str, Any]) -> None:
        self.name[code] = name
        plain = fold(name)
        if kind == "county":
            self.county = name
            self._add_above("county", plain)
            return
        if kind == "town":
            names = (plain, *map(fold, row.get("aliases") or ()))
            for word in names:
                self._full.setdefault(word, ("town", set()))[1].add(code)
                self._short.setdefault(_SUFFIX.sub("", word), ("town", set()))[1].add(code)
            return
        self.town_of[code] = str(row.get("parent_code") or code[:9])
        for given in (name, *(row.get("aliases") or ())):
            self._add_community(code, given)

    def _add_community(self, code: str, name: str) -> None:
        plain = fold(name)
        self._full.setdefault(plain, ("community", set()))[1].add(code)
        for word in {community_key(plain), community_core(plain), community_key(plain).removesuffix("村")}:
            if len(word) >= _NEAR_LENGTH:
                self._short.setdefault(word, ("community", set()))[1].add(code)

    def _add_above(self, level: str, name: str) -> None:
        self._above[name] = level
        self._above[_SUFFIX.sub("", name)] = level

    def describe(self, community_code: str) -> str:
        """Return town and community in words."""
        town = self.name.get(self.town_of.get(community_code, ""), "")
        community = self.name.get(community_code, "")
        return community if community.startswith(town) else f"{town}{community}"

    def full_name_at(self, text: str, at: int) -> bool:
        """Tell whether a town or community stands at a position with its full name."""
        return any(text.startswith(word, at) for word in self._full)

    def readings(self, text: str, *, names: KnownNames, start: int = 0) -> Iterator[Reading]:
        """Yield the ways to read the head of a folded text from a position on, the plainest first.

        `names` tells where a known place or compound stands: 新青火车站 is no 新青.
        """
        yield from self._readings(text, start, Scope(), names)

    def _readings(self, text: str, at: int, scope: Scope, names: KnownNames) -> Iterator[Reading]:
        scope, at = self._plain_head(text, at, scope, names)
        yield Reading(scope, at)
        if scope.foreign:
            return
        for word, (level, codes) in self._short.items():
            if level not in scope.said and text.startswith(word, at) and not self._is_longer(text, at, word):
                narrowed = scope.narrowed(level, frozenset(codes), word)
                yield from self._readings(text, at + len(word), narrowed, names)

    def _is_longer(self, text: str, at: int, word: str) -> bool:
        """Whether a full name stands there, or a longer short one of the same area (新立中心, no 新立 of 中心县)."""
        if any(len(w) > len(word) and text.startswith(w, at) for w in self._full):
            return True
        codes = self._short[word][1]
        return any(
            len(w) > len(word) and text.startswith(w, at) and codes <= known for w, (_, known) in self._short.items()
        )

    def _plain_head(self, text: str, at: int, scope: Scope, names: KnownNames) -> tuple[Scope, int]:
        """Strip chatter and fully written areas; stop at a name, a number or something foreign."""
        while True:
            chatter = _CHATTER.match(text, at)
            at = chatter.end() if chatter and names.longest_at(text, at) == 0 else at
            step = (
                self._known(text, at, scope)
                or self._known_by_ear(text, at, scope)
                or self._heard(text, at, scope, names)
            )
            if step is None or names.longest_at(text, at) >= step[1] - at:
                return scope, at
            scope, at = step
            if scope.foreign:
                return scope, at
            at = _OF.match(text, at).end()  # type: ignore[union-attr]

    def _known(self, text: str, at: int, scope: Scope) -> tuple[Scope, int] | None:
        for word, level in self._above.items():
            if level not in scope.said and text.startswith(word, at):
                end = at + len(word)
                full = next((w for w in self._above if len(w) > len(word) and text.startswith(w, at)), word)
                return replace(scope, said={**scope.said, level: full}), at + len(full) if full != word else end
        found = self._community.match(text, at) if "community" not in scope.said else None
        if found:
            level, codes = self._cores[found[0]]
            tail = self._tail.match(text, found.end())
            if tail or found[0] in self._full:
                end = tail.end() if tail else found.end()
                return scope.narrowed(level, self._within(codes, scope), text[at:end]), end
        for word, (level, codes) in self._full.items():
            if not text.startswith(word, at):
                continue
            if level not in scope.said:
                return scope.narrowed(level, frozenset(codes), word), at + len(word)
            if _repeats(scope, level, codes):
                return scope, at + len(word)
        return None

    def _known_by_ear(self, text: str, at: int, scope: Scope) -> tuple[Scope, int] | None:
        """Read a full name of a town or community that is written as it sounds (新青侦, 前进社躯)."""
        for word, (level, codes) in self._full.items():
            end = at + len(word)
            if level not in scope.said and end <= len(text) and sound(text[at:end]) == sound(word):
                return scope.narrowed(level, self._within(codes, scope), text[at:end]), end
        return None

    def _within(self, codes: set[str], scope: Scope) -> frozenset[str]:
        """Of communities of one name, those in the town said (all of them where none is)."""
        inside = frozenset(c for c in codes if scope.towns is None or self.town_of.get(c, c) in scope.towns)
        return inside or frozenset(codes)

    def _heard(self, text: str, at: int, scope: Scope, names: KnownNames) -> tuple[Scope, int] | None:
        """Read an area that is not written as it is known: by ear, nearly, or not ours."""
        if names.longest_at(text, at) or self._short_at(text, at, scope):
            return None
        stop = text.find(BREAK, at)
        region = text if stop < 0 else text[:stop]
        for level, pattern in (("town", _TOWN), ("community", _COMMUNITY), ("county", _COUNTY)):
            match = pattern.match(region, at)
            if match is None or match[0].endswith(GENERIC_TAILS) or (level != "county" and level in scope.said):
                continue
            if level == "county" and match[1][-1] in _PLACE_MARKET:
                continue
            heard = self._by_ear(level, match, scope)
            if heard.foreign and names.resembles(match[0]):
                continue
            return heard, match.end()
        return None

    def _short_at(self, text: str, at: int, scope: Scope) -> bool:
        """Whether an area stands here without its 镇 or 社区 (五营建林社区): the short reading goes on behind it."""
        return any(level not in scope.said and text.startswith(word, at) for word, (level, _) in self._short.items())

    def _by_ear(self, level: str, match: re.Match[str], scope: Scope) -> Scope:
        word = match[0]
        if level == "county":
            heard = any(sound(word) == sound(w) for w in self._above)
            return scope if heard else replace(scope, foreign=word)
        core = match[1]
        known = {w: c for w, (kind, c) in self._short.items() if kind == level}
        for ear in (sound, folded_sound):
            codes = frozenset(x for w, c in known.items() if ear(w) == ear(core) for x in c)
            if codes:
                return scope.narrowed(level, self._within(set(codes), scope), word)
        near = {
            x
            for w, c in known.items()
            if len(w) >= _NEAR_LENGTH and Levenshtein.distance(w, core, score_cutoff=1) <= 1
            for x in c
        }
        if near:
            return scope.narrowed(level, frozenset(near), word, doubt=True)
        return replace(scope, foreign=word)


def _repeats(scope: Scope, level: str, codes: set[str]) -> bool:
    """Whether an area is said a second time: columns of a table, joined without looking (红星镇红星镇佳园小区)."""
    said = scope.towns if level == "town" else scope.communities
    return said is not None and said <= codes and not scope.doubts


def _longest(word: str) -> tuple[int, str]:
    return -len(word), word
