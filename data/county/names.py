# ruff: noqa: E501, SIM905 - tables read better in long lines
"""Invented names: compounds, bungalow quarters, people and telephone numbers that belong to nobody."""

from __future__ import annotations

import numpy as np

__all__ = ["BUNGALOW_AREAS", "compound_names", "numeral", "people", "phone"]

_FIRST = (
    "红林 松苑 青林 白桦 云杉 林海 松涛 兴安 翠岭 绿洲 阳光 和谐 幸福 安居 惠民 康乐 锦绣 丽景 馨园 文苑 学府 金穗 祥和 富强 "
    "龙源 水岸 河畔 山水 森源 鹤鸣 春晓 晨光 朝晖 嘉和 佳园 瑞祥 福泽 民乐 兴盛 永泰 宏达 北苑 南苑 东苑 西苑 中兴 新华 建国 劳模 "
    "车站 铁路 林业 邮电 银行 教师 供销 粮食 医院 公安 税务 职工 专家 青年 老干部 木材 制材 机修 筑路 林机"
).split()
_LAST = ("小区", "小区", "小区", "家园", "花园", "新村", "嘉苑", "家属楼")

BUNGALOW_AREAS = (
    "原木材厂家属区", "贮木场家属区", "筑路处家属区", "机修厂家属区", "铁北平房区", "河南平房区", "制材厂家属区", "运输处家属区",
    "林科所家属区", "苗圃家属区", "火车站家属区", "粮库家属区", "砖厂家属区", "桥头平房区", "东山平房区", "西山平房区", "果园平房区",
    "水电段家属区", "养路段家属区", "综合厂家属区", "胶合板厂家属区", "老商店平房区", "菜社平房区", "北沟口平房区",
)  # fmt: skip

_SURNAMES = (
    "王 李 张 刘 陈 杨 赵 黄 周 吴 徐 孙 胡 朱 高 林 何 郭 马 罗 梁 宋 郑 谢 韩 唐 冯 于 董 萧 程 曹 袁 邓 许 傅 沈 曾 彭 吕 苏 卢 蒋 蔡 "
    "贾 丁 魏 薛 叶 阎 余 潘 杜 戴 夏 钟 汪 田 任 姜 范 方 石 姚 谭 廖 邹 熊 金 陆 郝 孔 白 崔 康 毛 邱 秦 江 史 顾 侯 邵 孟 龙 万 段 "
    "欧阳 司马 上官"
).split()
_GIVEN = (
    "伟 芳 娜 敏 静 丽 强 磊 军 洋 勇 艳 杰 娟 涛 明 超 霞 平 刚 桂 英 玉 兰 凤 秀 珍 淑 华 国 建 志 文 海 林 春 梅 雪 松 柏 庆 福 德 宝 "
    "成 立 永 红 光 东 鑫 宇 浩 欣 怡 佳 晨 博 雨 思 瑞 彤 航 森 岩 峰 波 辉 鹏 亮 颖 慧 琳 萍 云 莲 荣 贵 生 山"
).split()
_DIGITS = "零一二三四五六七八九"


def numeral(n: int) -> str:
    """Write 1..99 in Chinese numerals."""
    if n < 10:
        return _DIGITS[n]
    tens, ones = divmod(n, 10)
    return ("" if tens == 1 else _DIGITS[tens]) + "十" + (_DIGITS[ones] if ones else "")


def people(rng: np.random.Generator, count: int) -> list[str]:
    """Invent names; common surnames come more often, as they do."""
    rank = np.arange(len(_SURNAMES))
    share = 1.0 / (rank + 6.0)
    surnames = rng.choice(len(_SURNAMES), count, p=share / share.sum())
    first, second = rng.integers(0, len(_GIVEN), count), rng.integers(0, len(_GIVEN), count)
    short = rng.random(count) < 0.22
    return [
        _SURNAMES[s] + _GIVEN[a] + ("" if one or a == b else _GIVEN[b])
        for s, a, b, one in zip(surnames.tolist(), first.tolist(), second.tolist(), short.tolist(), strict=True)
    ]


def phone(serial: int) -> str:
    """Return the eleven-digit number of a serial in 100…, a range assigned to nobody."""
    return f"100{serial % 100_000_000:08d}"


def compound_names(rng: np.random.Generator, count: int) -> list[str]:
    """Draw distinct compound names."""
    every = [a + b for a in _FIRST for b in dict.fromkeys(_LAST)]
    weight = np.array([3.0 if n.endswith("小区") else 0.4 if n.endswith("家属楼") else 1.0 for n in every])
    picked = rng.choice(len(every), count, replace=False, p=weight / weight.sum())
    return [every[i] for i in picked]
