"""Code pages: the right text, or a question; never a wrong text in silence."""

from __future__ import annotations

import pytest

from geo.errors import EncodingUnknown
from geo.formats import read
from geo.formats.encoding import canonical_encoding, decode, decode_cut

TEXT = "社区,网格名称,户数\n黎明社区,第一网格,312\n红建中心社区,第二网格,280\n"


@pytest.mark.parametrize(
    ("codec", "encoding"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("gbk", "gb18030"),
        ("gb18030", "gb18030"),
        ("gb2312", "gb18030"),
        ("utf-16", "utf-16"),
    ],
)
def test_undeclared_text_is_right(desk, codec, encoding):
    dataset = read(desk.put("a.csv", TEXT.encode(codec)))
    assert (dataset.encoding, dataset.features[1].properties["社区"]) == (encoding, "红建中心社区")
    assert dataset.encoding_evidence


@pytest.mark.parametrize("codec", ["big5", "utf-8", "gb18030", "utf-16-le"])
def test_declared_text_is_right(desk, codec):
    text = TEXT.translate(str.maketrans("区红数网称", "區紅數網稱")).replace("户", "戶") if codec == "big5" else TEXT
    path = desk.put("a.csv", text.encode(codec))
    assert len(read(path, encoding=codec).features) == 2


@pytest.mark.parametrize(("codec", "declared"), [("gb18030", "utf-8"), ("utf-8", "ascii"), ("big5", "utf-8")])
def test_wrong_declaration_is_refused_with_its_line(desk, codec, declared):
    data = "a,b\n1,2\n中文,3\n".encode(codec)
    with pytest.raises(EncodingUnknown) as caught:
        read(desk.put("a.csv", data), encoding=declared)
    assert caught.value.where.row == 3


@pytest.mark.parametrize("text", ["學校社區網格戶數名稱備註說明", "黎明社區居民委員會第一網格員聯絡電話"])
def test_big5_is_a_question(text):
    with pytest.raises(EncodingUnknown):
        decode(text.encode("big5"))


@pytest.mark.parametrize("text", ["学", "学校学"])
def test_short_pairs_that_pass_as_both_are_a_question(text):
    data = text.encode("gb18030")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        assert decode(data).text == text
    else:
        with pytest.raises(EncodingUnknown):
            decode(data)


def test_rare_characters_survive():
    assert decode(("网格员李𫍯,王㛃,张三,黎明社区" * 3).encode("gb18030")).text.startswith("网格员李𫍯")


def test_latin_bytes_are_a_question():
    with pytest.raises(EncodingUnknown):
        decode("café à Müllheim, déjà vu".encode("cp1252"))


def test_names_of_codecs():
    assert [canonical_encoding(w) for w in ("CP936", "ANSI 936", "UTF8", "65001", "big5")] == [
        "gb18030", "gb18030", "utf-8", "utf-8", "big5",
    ]  # fmt: skip
    assert canonical_encoding("base64") is None
    assert canonical_encoding("x\0y") is None


def test_cut_characters():
    assert decode_cut("网格".encode()[:-1], "utf-8") == ("网", True)
    assert decode_cut("网格".encode("gb18030"), "gb18030") == ("网格", False)
    with pytest.raises(UnicodeDecodeError):
        decode_cut(b"\xffabcdefg", "utf-8")


# --- shapefiles ---------------------------------------------------------------------------------

NAMES = ["第一网格", "第二网格", "第三网格"]


@pytest.mark.parametrize(
    ("codec", "cpg", "language", "encoding"),
    [
        ("gbk", None, 0, "gb18030"),
        ("gbk", None, 0x57, "gb18030"),
        ("gbk", None, 0x4D, "gb18030"),
        ("gbk", b"GBK", 0, "gb18030"),
        ("gbk", b"UTF-8", 0, "gb18030"),
        ("utf-8", None, 0, "utf-8"),
        ("utf-8", None, 0x4D, "utf-8"),
        ("utf-8", b"UTF-8", 0, "utf-8"),
        ("utf-8", b"GBK", 0, "utf-8"),
    ],
)
def test_shapefile_names_are_right(desk, codec, cpg, language, encoding):
    parts = desk.shapefile([n.encode(codec) for n in NAMES], field="网格名称".encode(codec)[:10], language=language)
    if cpg:
        parts["a.cpg"] = cpg
    dataset = read(desk.put("a.zip", desk.zip(parts)))
    assert dataset.encoding == encoding
    assert [next(iter(f.properties.values())) for f in dataset.features] == NAMES


def test_big5_shapefile_is_a_question_and_right_when_said(desk):
    names = [n.replace("网", "網").encode("big5") for n in NAMES]
    path = desk.put("a.zip", desk.zip(desk.shapefile(names)))
    with pytest.raises(EncodingUnknown):
        read(path)
    assert read(path, encoding="big5").features[0].properties["NAME"] == "第一網格"
    named = desk.put("b.zip", desk.zip(desk.shapefile(names, language=0x4F)))
    assert read(named).features[0].properties["NAME"] == "第一網格"


def test_utf8_field_name_cut_at_ten_bytes_is_read_and_told(desk):
    parts = desk.shapefile([n.encode() for n in NAMES], field="网格名称".encode()[:10])
    dataset = read(desk.put("a.zip", desk.zip(parts)))
    assert dataset.columns == ("网格名",)
    assert any("截断" in warning for warning in dataset.warnings)


def test_value_cut_in_a_character_is_read_and_told(desk):
    parts = desk.shapefile(["黎明社区第一网格".encode()[:14]] * 3, width=14)
    dataset = read(desk.put("a.zip", desk.zip(parts)))
    assert dataset.features[0].properties["NAME"] == "黎明社区"
    assert any("截断" in warning for warning in dataset.warnings)


def test_rare_character_in_a_table_survives(desk):
    parts = desk.shapefile(["网格员李𫍯家".encode("gb18030"), "第二网格社区".encode("gb18030")])
    dataset = read(desk.put("a.zip", desk.zip(parts)))
    assert dataset.features[0].properties["NAME"] == "网格员李𫍯家"
