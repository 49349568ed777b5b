"""Every refusal of the packages has its sentence and its remedy in Chinese and in English."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from api.refusals import place, said
from api.refusals.book import LANGUAGES, book
from geo.errors import Refused, Unavailable, Where
from tests.house.refusal_sites import CLASSES, HAN, Site, progress_words, rows, sites, texts_of_errors, warnings
from tests.house.source_tree import modules

LATIN = re.compile(r"[A-Za-z]")
# Codes put together at run time, with what the source puts together.
MADE = {
    "{}-invalid": ("load-invalid", "perimeter-invalid"),
    "{}-empty": ("undo-empty", "redo-empty"),
    "{}-clash": ("id-clash", "code-clash", "source-key-clash"),
}
# Sentences the source does not spell where it raises: those of triggers, of a class of its own, of a table.
UNSPELT = {
    "generation-immutable": ("a published generation cannot change", "what was written here is kept for ever"),
    "base-superseded": (
        "plan p1 was drawn on generation 3, which is not in force; generation 4 is",
        "plan p1 was drawn on generation 3, which is not in force; no generation is",
    ),
    "half-missing": ("outline 7 has no row in a roster", "row 7 has no outline"),
    "format-refused": (
        "DWG 图纸不能直接读取",
        "图片不能读取",
        "只有属性表, 没有图形",
        "只有索引, 没有图形",
        "只有坐标系说明, 没有图形",
    ),
    "id-clash": ("two grids have the id 7",),
    "code-clash": ("two grids have the code 7",),
    "source-key-clash": ("two grids have the source key 7 (base)",),
    "coverage-broken": ("甲、乙相互重叠，宽约1.29米，面积130平方米 (overlap, 129.000000000 47.000000000; 3 in all)",),
    "rows-refused": ("7 rows were refused, and nothing was written",),
}
# One name stands for two things in this function, so what is put together here is spelt above.
SPELT_ABOVE = "{}-clash"


def filled(text: str) -> str:
    return text.replace("{}", "7")


def codes_of(site: Site) -> tuple[str, ...]:
    return tuple(c for code in site.codes if code is not None for c in MADE.get(code, (code,)))


def refusing() -> list[Site]:
    return [site for site in (*sites(), *rows()) if SPELT_ABOVE not in site.codes]


@pytest.fixture(scope="module")
def held():
    return book()


def strangers(held, texts, table):
    """The texts of sites that the book has not in both languages."""
    strange = []
    for site in refusing():
        first = [pair for code in codes_of(site) for pair in table.get(code, ())]
        strange += [
            f"{site.place} [{', '.join(codes_of(site))}] {text}"
            for text in texts(site)
            if text and not all(held.put(filled(text), language, first) for language in LANGUAGES)
        ]
    return "\n".join(strange)


def test_the_source_is_read():
    found = sites()
    assert len(found) > 300
    assert len(rows()) > 40
    assert len(warnings()) > 25
    assert len({c for site in found for c in codes_of(site)}) > 200
    unknown = [s.place for s in found if None in s.says]
    assert len(unknown) < 10, unknown


def test_every_code_has_a_sentence_and_a_remedy_in_both_languages(held):
    missing = {c for site in (*sites(), *rows()) for c in codes_of(site) if c not in held.says}
    assert not missing, f"write them into api/refusals/refusals.json: {sorted(missing)}"
    assert held.says.keys() == held.does.keys()
    for code, pairs in (*held.says.items(), *held.does.items()):
        assert pairs, code
        assert all(pair.zh.text and pair.en.text for pair in pairs), code


def test_every_sentence_that_is_raised_is_in_the_book(held):
    """Not by its code alone: the very sentence, so that its names and figures come over."""
    assert not strangers(held, lambda site: site.says, held.says)


def test_every_remedy_that_is_raised_is_in_the_book(held):
    assert not strangers(held, lambda site: site.remedies, held.does)


def test_every_warning_is_in_the_book(held):
    texts = [(site.place, text) for site in warnings() for text in site.says if text]
    assert not [(p, t) for p, t in texts if not all(held.put(filled(t), language) for language in LANGUAGES)]


def test_every_word_of_progress_is_in_the_book(held):
    told = progress_words()
    assert {"落格", "relaxation"} <= told.keys()
    terms = held.terms["progress"]
    assert not {word: place for word, place in told.items() if word not in terms and word not in terms.values()}


def test_a_refusal_that_is_handed_on_stays_one():
    """Services hand on the error itself, or the row's refusal; the edge says it in the language of the person."""
    assert not texts_of_errors()


def test_a_sentence_stands_under_the_code_it_is_raised_with(held):
    away = []
    for site in refusing():
        if len(codes_of(site)) == 1:
            (code,) = codes_of(site)
            fitting = [pair.of(language) for pair in held.says.get(code, ()) for language in LANGUAGES]
            texts = [filled(t) for t in site.says if t]
            if texts and all(template.read(text) is None for text in texts for template in fitting):
                away.append(f"{site.place} [{code}] {texts}")
    assert not away, "\n".join(away)


@pytest.mark.parametrize(("code", "text"), [(c, t) for c, texts in UNSPELT.items() for t in texts])
def test_sentences_the_source_does_not_spell(held, code, text):
    assert all(held.put(text, language, held.says[code]) for language in LANGUAGES)


def test_both_sides_of_a_pair_hold_the_same_values(held):
    everything = [(c, p) for table in (held.says, held.does) for c, pairs in table.items() for p in pairs]
    for code, pair in everything:
        assert pair.zh.kinds == pair.en.kinds, (code, pair)
    for pair in held.reports:  # what a field should be says more than is needed in English
        assert pair.zh.kinds.keys() <= pair.en.kinds.keys(), pair
        assert pair.en.kinds.keys() - pair.zh.kinds.keys() <= {"rest", "kind"}, pair
    kinds = {kind for pair in [p for _, p in everything] + list(held.reports) for kind in pair.en.kinds.values()}
    assert kinds - {"", "sentence", "sentences", "finding", "span", "changes", "edits", "fields"} <= held.terms.keys()


def test_each_side_of_a_pair_is_in_its_language(held):
    """English may quote the heading a file has; a line to type is the same in both."""
    for pair in (p for table in (held.says, held.does) for pairs in table.values() for p in pairs):
        typed = pair.zh.text == pair.en.text
        assert typed or HAN.search(pair.zh.fixed), pair
        assert typed or LATIN.search(pair.en.fixed), pair
    for kind, words in held.terms.items():
        assert len(words) > 0
        assert not [w for w in words if HAN.search(w)], kind


def test_what_a_template_writes_it_reads(held):
    for pair in (p for pairs in held.says.values() for p in pairs):
        for language in LANGUAGES:
            template = pair.of(language)
            assert template.read(template.fill(dict.fromkeys(template.kinds, "第7号"))) is not None, template.text


def test_nothing_is_left_over_in_the_book(held):
    """A code or sentence that nothing raises any more goes out; the first of a code may be its general one."""
    source = "\n".join(Path(m.path).read_text(encoding="utf-8") for m in modules())
    raised = {c for site in (*sites(), *rows()) for c in codes_of(site)}
    assert not [code for code in held.says if code not in raised and f'"{code}"' not in source]
    texts = {filled(t) for site in (*sites(), *rows(), *warnings()) for t in site.says if t}
    texts |= {text for several in UNSPELT.values() for text in several}
    unused = [
        (code, pair.en.text)
        for code, pairs in held.says.items()
        for pair in pairs[1:]
        if not any(pair.of(language).read(text) is not None for language in LANGUAGES for text in texts)
        and pair.en.text not in source
    ]
    assert not unused, unused


def test_a_sentence_that_is_not_in_the_book_is_kept_behind_a_general_one():
    strange = Unavailable("the moon is in the way", code="store-unreachable", where=Where(file="a.gpkg"))
    told = said(strange, "zh")
    assert told.message == "暂时不能服务，什么也没有改动（the moon is in the way）"
    assert said(strange, "en").message == "the moon is in the way"
    assert said(Refused("月亮挡住了", code="unheard-of"), "en").message == "this cannot be accepted (月亮挡住了)"
    assert told.remedy == "检查磁盘和权限"


def test_every_kind_of_refusal_has_a_general_sentence(held):
    for kind in CLASSES.values():
        first = held.says[kind.default_code][0]
        assert kind.default_code in {"stale-version", "base-superseded"} or not first.en.kinds, kind


def test_where_is_said_in_words():
    where = Where(file="名册.xlsx", layer="一月", row=7, column="户号", feature="甲")
    assert place(where, "zh") == "名册.xlsx，图层 一月，第 7 行，“户号”一列，要素 甲"
    assert place(where, "en") == str(where)
    assert place(Where(), "zh") == ""


def test_a_sentence_full_of_its_own_pieces_is_read_in_time(held):
    """Names come out of files: one that repeats the words of a template costs no more than its length."""
    hostile = "units " + " and " * 20_000 + " overlap by" + " m² (" * 20_000
    assert held.put(hostile, "zh") is None
    assert held.put(f"{hostile} such pairs)", "zh", held.says["overlap"]).startswith("单元 ")
