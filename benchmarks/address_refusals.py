"""Makes address texts that must not be answered: foreign, invented, nearly right, or no address at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from address_noise import COMPLAINTS, TAILS, Query, Speaker, Subject, in_words

if TYPE_CHECKING:
    import numpy as np

__all__ = ["refused_queries"]

_FOREIGN = (
    "汤旺县", "南岔县", "嘉荫县", "大箐山县", "伊春市伊美区", "伊春市友好区", "伊春市乌翠区", "伊春市金林区",
    "铁力市", "哈尔滨市南岗区", "佳木斯市向阳区", "黑龙江省鹤岗市萝北县", "绥化市北林区", "吉林省长春市朝阳区",
    "北京市海淀区", "庆安县",
)  # fmt: skip
_FOREIGN_TOWNS = (
    "乌伊岭镇", "汤旺河镇", "上甘岭镇", "友好镇", "双丰镇", "桃山镇", "朝阳镇", "乌拉嘎镇", "美溪镇",
    "晨明镇", "浩良河镇", "保兴镇",
)  # fmt: skip
_FOREIGN_COMMUNITIES = (
    "曙光社区", "红旗社区", "阳春社区", "东方社区", "胜利村", "沿江社区", "光明社区", "西山村",
)  # fmt: skip
_INVENTED = (
    "翡翠", "御景", "凯旋", "滨江", "金域", "世纪", "帝豪", "华府", "盛世", "紫薇", "碧桂",
    "望京", "曙光", "凤凰", "天鹅",
)  # fmt: skip
_INVENTED_PLACES = (
    "第九中学", "第八小学", "火葬场", "大剧院", "体育馆", "万达广场", "奥林匹克中心", "机场", "动物园",
    "海鲜城", "美术馆", "滑雪场",
)  # fmt: skip
_NO_ADDRESS = (
    "暖气不热", "没有水", "你们什么时候来", "投诉物业", "小区路灯不亮", "我要反映问题", "咨询低保申请条件",
    "3号楼", "二单元502室", "平房", "医保报销怎么办", "室温只有12度", "电话打不通", "社区", "家属楼",
    "楼道", "取暖补贴什么时候发", "？？？", "101", "幼儿园", "", "\u3000",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stranger:
    """Makes texts that name nothing in the county; the names that do exist are handed in."""

    speaker: Speaker
    subjects: list[Subject]
    names: dict[str, list[str]]

    def _home(self) -> Subject:
        while True:
            subject: Subject = self.speaker.pick(self.subjects)
            if subject.kind == "building":
                return subject

    def _number(self, subject: Subject) -> str:
        return f"{subject.number}号楼" if subject.kind == "building" else ""

    def foreign_county(self) -> str:
        subject = self.speaker.pick(self.subjects)
        middle = self.speaker.pick((subject.community, "", subject.town))
        return f"{self.speaker.pick(_FOREIGN)}{middle}{subject.name}{self._number(subject)}"

    def foreign_town(self) -> str:
        subject = self.speaker.pick(self.subjects)
        head = self.speaker.pick(("", "丰林县")) + self.speaker.pick(_FOREIGN_TOWNS)
        return f"{head}{subject.name}{self._number(subject)}"

    def foreign_community(self) -> str:
        subject = self._home()
        head = self.speaker.pick(("", subject.town)) + self.speaker.pick(_FOREIGN_COMMUNITIES)
        return f"{head}{subject.name}{subject.number}号楼"

    def invented(self) -> str:
        subject = self._home()
        head = self.speaker.pick(("", subject.town, subject.town + subject.community))
        name = self.speaker.pick(_INVENTED) + self.speaker.pick(TAILS)
        return f"{head}{name}{subject.number}号楼{subject.stairwells}单元"

    def near_miss(self) -> str | None:
        """Join the stem of one real compound and the kind of another to a name nobody has."""
        one, other = self._home(), self._home()
        tail = next((t for t in TAILS if other.name.endswith(t)), "")
        stem = next((one.name.removesuffix(t) for t in TAILS if one.name.endswith(t)), "")
        if not stem or not tail or any(s.name == stem + tail for s in self.subjects):
            return None
        return f"{self.speaker.pick(('', one.town, one.community))}{stem}{tail}{one.number}号楼"

    def no_number(self) -> str:
        subject = self._home()
        number = max(s.number for s in self.subjects if s.name == subject.name) + 1 + self.speaker.pick(range(20))
        head = self.speaker.pick(("", subject.town, subject.community))
        said = (f"{number}号楼", f"{in_words(number)}号楼", f"{number}-1-101", f"{number}栋")
        return f"{head}{subject.name}{self.speaker.pick(said)}"

    def no_quarter(self) -> str:
        head = self.speaker.pick(("", *self.names["town"], *self.names["community"]))
        return f"{head}{self.speaker.pick(range(40, 90))}委{self.speaker.pick(range(1, 9))}组平房"

    def no_place(self) -> str:
        beside = self.speaker.pick(("", "门口", "附近", "后身"))
        return f"{self.speaker.pick(('', *self.names['town']))}{self.speaker.pick(_INVENTED_PLACES)}{beside}"

    def nothing(self) -> str:
        return str(self.speaker.pick((*_NO_ADDRESS, *self.names["town"], "丰林县", *self.names["community"])))


_MAKERS = (
    Stranger.foreign_county,
    Stranger.foreign_town,
    Stranger.foreign_community,
    Stranger.invented,
    Stranger.near_miss,
    Stranger.no_number,
    Stranger.no_quarter,
    Stranger.no_place,
    Stranger.nothing,
)


def refused_queries(
    subjects: list[Subject], names: dict[str, list[str]], count: int, rng: np.random.Generator
) -> list[Query]:
    """Make texts that must not be answered, each kind as often as the others."""
    speaker = Speaker(rng)
    stranger = Stranger(speaker, subjects, names)
    found: list[Query] = []
    while len(found) < count:
        maker = speaker.pick(_MAKERS)
        text = maker(stranger)
        if text is None:
            continue
        if text.strip() and speaker.chance(0.3):
            text += speaker.pick(("", "", "，", " ")) + speaker.pick(COMPLAINTS)
        found.append(Query(text, None, (maker.__name__,)))
    return found
