"""The papers say what the software does: commands, decisions, links, words.

`docs/commands.md` is written from the commands themselves, the list of decisions in `docs/architecture.md` from their
titles; after a change of one write them anew:

    WANGGE_WRITE_DOCS=1 .venv/bin/python -m pytest -q tests/house/test_docs.py -p no:xdist
"""

from __future__ import annotations

import os
import re
import shlex
from functools import cache
from urllib.parse import unquote

import pytest
import typer.main

from api.cli import app
from geo.model import kinds
from maps.words import GLOSSARY
from tests.house.source_tree import ROOT, tracked_files

COMMANDS = ROOT / "docs" / "commands.md"
DECISIONS = ROOT / "docs" / "decisions"
HEAD = """# 命令一览 · Commands

由各命令自己的说明生成；改了命令以后这样重写 · written from the commands themselves; after a change write it anew:

    WANGGE_WRITE_DOCS=1 .venv/bin/python -m pytest -q tests/house/test_docs.py -p no:xdist

每条命令都有 `--help`。Exit codes: 0 done, 1 refused (one line on stderr), 2 wrong usage.
"""
LIST_OF_DECISIONS = "## Decisions\n\n"
STATUSES = {"accepted", "proposed", "superseded"}
LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
KINDS_OF_WORDS = ("GridKind", "AreaKind", "WorkerKind", "PartyLevel", "Basis", "GenerationState", "PlanState")
KINDS_OF_CHANGE = ("ChangeKind", "FindingCode")
# What a shell line may hold besides the command: the rest of the line is another program's.
ENDS = ("|", "&&", ";", "#", ">")


@cache
def commands():
    """Every command by its words, as the click command typer makes of it."""
    found = {}

    def walk(command, words):
        inner = getattr(command, "commands", None)
        if inner is None:
            found[words] = command
            return
        for name, one in inner.items():
            walk(one, (*words, name))

    walk(typer.main.get_command(app), ())
    return found


def options(command):
    return [p for p in command.params if p.param_type_name == "option" and not p.hidden]


def arguments(command):
    return [p for p in command.params if p.param_type_name == "argument"]


def called(parameter):
    name = parameter.metavar or parameter.name.upper()
    several = "…" if parameter.nargs == -1 else ""
    return f"{name}{several}" if parameter.required else f"[{name}{several}]"


def option_row(option):
    names = " / ".join(f"`{n}`" for n in (*option.opts, *option.secondary_opts))
    told = (option.help or "").replace("|", "/")
    told += "（必填）" if option.required else ""
    return f"| {names} | {told} |"


def section(words, command):
    usage = " ".join(("wangge", *words, *map(called, arguments(command))))
    lines = [f"## `{usage}`", "", (command.help or "").strip(), ""]
    lines += [f"- {called(a)}：{a.help}" for a in arguments(command) if a.help]
    lines += [""] if any(a.help for a in arguments(command)) else []
    lines += ["| option | |", "| --- | --- |", *map(option_row, options(command))]
    return "\n".join(lines) + "\n"


def commands_page():
    return HEAD + "\n" + "\n".join(section(words, command) for words, command in sorted(commands().items()))


def pages():
    """Every Markdown page of the project's own."""
    return [p for p in tracked_files() if p.suffix == ".md" and "/assets/" not in p.as_posix()]


def decisions():
    return sorted(DECISIONS.glob("*.md"))


def test_the_commands_page_is_what_the_commands_say() -> None:
    if os.environ.get("WANGGE_WRITE_DOCS"):
        COMMANDS.write_text(commands_page(), encoding="utf-8")
    assert COMMANDS.read_text(encoding="utf-8") == commands_page(), "write it anew: WANGGE_WRITE_DOCS=1, see this file"


def test_every_command_and_option_says_what_it_is_for() -> None:
    silent = [" ".join(words) for words, command in commands().items() if not command.help]
    assert not silent


def test_the_guide_leads_through_every_group_of_commands() -> None:
    guide = (ROOT / "docs/guide.md").read_text(encoding="utf-8")
    unnamed = [word for word in {words[0] for words in commands()} - {"demo"} if f"wangge {word}" not in guide]
    assert not unnamed, unnamed


def command_lines():
    """The lines of code fences that call wangge, with the page they stand in."""
    found = []
    for page in pages():
        for fence in FENCE.findall(page.read_text(encoding="utf-8")):
            joined = re.sub(r"\\\n\s*", " ", fence)
            for line in joined.splitlines():
                start = re.match(r"\s*(?:\$ )?(?:\w+=\S+ )*(wangge .*)", line)
                if start:
                    found.append((page.relative_to(ROOT).as_posix(), start[1]))
    return found


def own_words(line):
    """The words of a line up to the first that belongs to the shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;>")
    lexer.whitespace_split, lexer.commenters = True, "#"
    words = []
    for word in lexer:
        if word in ENDS:
            break
        words.append(word)
    return words


def fault_of(words):
    """Return what a command does not know of a line, "" where it knows all."""
    depth = max((n for n in range(1, 4) if tuple(words[1 : 1 + n]) in commands()), default=0)
    if not depth:
        return f"no such command: {' '.join(words)}"
    command = commands()[tuple(words[1 : 1 + depth])]
    known = {name for o in options(command) for name in (*o.opts, *o.secondary_opts)} | {"--help"}
    given = [w.split("=", 1)[0] for w in words[1 + depth :] if re.match(r"--?[a-z]", w)]
    unknown = [w for w in given if w not in known]
    missing = [
        o.opts[0] for o in options(command) if o.required and not set(o.opts) & set(given) and "--help" not in given
    ]
    return f"{words[1 : 1 + depth]}: unknown {unknown}, missing {missing}" if unknown or missing else ""


def test_the_lines_of_the_papers_parse() -> None:
    lines = command_lines()
    assert len(lines) > 20
    faults = [f"{page}: {line}: {fault}" for page, line in lines if (fault := fault_of(own_words(line)))]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    "line",
    [
        "wangge fly",
        "wangge plan",
        "wangge locate --colour red",
        "wangge init new.gpkg",
        "wangge merge --to 3 --speed 9",
    ],
)
def test_a_wrong_line_would_be_seen(line) -> None:
    assert fault_of(own_words(line))


def test_every_decision_has_a_status_and_a_date() -> None:
    assert len(decisions()) >= 15
    faults = []
    for page in decisions():
        text = page.read_text(encoding="utf-8")
        told = re.search(r"\bStatus:?\W{0,4}(\w+)", text)
        if told is None or told[1].lower() not in STATUSES or not re.search(r"\d{4}-\d{2}-\d{2}", text):
            faults.append(page.name)
        if re.match(rf"# (Decision )?{page.name[:3]}\b", text) is None:
            faults.append(f"{page.name}: the title does not begin with its number")
    assert not faults, faults


def decision_line(page):
    title = page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
    return f"- [{title}](decisions/{page.name})\n"


def test_every_decision_is_linked_from_the_architecture() -> None:
    page = ROOT / "docs/architecture.md"
    rooms = page.read_text(encoding="utf-8").partition(LIST_OF_DECISIONS)[0]
    whole = rooms + LIST_OF_DECISIONS + "".join(map(decision_line, decisions()))
    if os.environ.get("WANGGE_WRITE_DOCS"):
        page.write_text(whole, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == whole, "write it anew: WANGGE_WRITE_DOCS=1, see this file"


def test_links_lead_somewhere() -> None:
    broken = []
    for page in pages():
        for target in LINK.findall(page.read_text(encoding="utf-8")):
            path = unquote(target.split("#", 1)[0])
            if path and "://" not in path and not path.startswith("mailto:") and not (page.parent / path).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert not broken, broken


def glossary_rows():
    """Rows of the glossary: Chinese terms, code words, label key."""
    text = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")]
    rows = [c for c in cells if c[0] not in {"中文", "---"}]
    return [([t.strip() for t in c[0].split(" / ")], re.findall(r"`([^`]+)`", c[1]), c[2].strip("` ")) for c in rows]


def test_the_glossary_and_the_labels_agree() -> None:
    labelled = [(terms, key) for terms, _, key in glossary_rows() if key]
    assert len(labelled) > 30
    assert not [(terms, key) for terms, key in labelled if GLOSSARY[key][0] not in terms]


def test_every_word_of_the_model_stands_in_the_glossary() -> None:
    known = {word for _, words, _ in glossary_rows() for word in words}
    enums = [getattr(kinds, name) for name in (*KINDS_OF_WORDS, *KINDS_OF_CHANGE)]
    assert {*KINDS_OF_WORDS, *KINDS_OF_CHANGE} == set(kinds.__all__)
    assert not [str(value) for one in enums for value in one if value.value not in known]
