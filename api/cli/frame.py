"""What all commands share: how they refuse, how they speak, and how they open the store.

Exit codes: 0 done, 1 refused (one line on stderr, never a trace), 2 wrong usage.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from api.refusals import sentence, term, told
from geo.errors import Infeasible, StaleVersion, Unavailable, WanggeError, Where

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from geo.bootstrap import Services

__all__ = [
    "AsJson",
    "StoreName",
    "commands",
    "day",
    "language",
    "opened",
    "progress_line",
    "refusal",
    "report",
    "say",
    "words",
]

StoreName = Annotated[
    str | None, typer.Option("--store", envvar="WANGGE_STORE", help="库：.gpkg 文件或 postgresql+psycopg2://…")
]
AsJson = Annotated[bool, typer.Option("--json", help="输出一个 JSON 对象 / print one JSON object")]


def language() -> Literal["zh", "en"]:
    """Return the language of the terminal: "en" where WANGGE_LANG says so, "zh" otherwise."""
    return "en" if os.environ.get("WANGGE_LANG", "").lower().startswith("en") else "zh"


def words(chinese: str, english: str) -> str:
    """Return the Chinese wording, or the English where WANGGE_LANG says en."""
    return english if language() == "en" else chinese


def say(text: str) -> None:
    """Write one line for the person at the terminal."""
    typer.echo(text)


def refusal(error: WanggeError) -> str:
    """Return the one line that tells where something is wrong, what, and what to do, in the terminal's language."""
    text = told(error, language())
    besides: tuple[str, ...] = ()
    if isinstance(error, Infeasible):
        besides = tuple(wish for wish in error.conflict if wish not in error.message)
    if isinstance(error, StaleVersion):
        besides = error.difference
    if besides:
        text += words("：", ": ") + words("；", "; ").join(sentence(line, language()) for line in besides)
    return f"{words('不能执行', 'refused')} [{error.code}] " + " ".join(text.split())


def _of_disk(error: OSError) -> WanggeError:
    """Return the refusal that stands for a failure of the system, with the file's name alone."""
    name = os.path.basename(str(error.filename)) if error.filename else ""  # noqa: PTH119
    return Unavailable(f"the disk failed: {error.strerror or error}", code="disk", where=Where(file=name or None))


class _Refusing(TyperGroup):
    """A group of commands that turns errors into one line and exit code 1."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; errors become one line on stderr."""
        try:
            return super().invoke(ctx)
        except WanggeError as error:
            typer.echo(refusal(error), err=True)
        except BrokenPipeError:
            raise
        except OSError as error:
            typer.echo(refusal(_of_disk(error)), err=True)
        except (typer.Exit, typer.Abort, KeyboardInterrupt):
            raise
        except Exception as error:
            if _is_usage(error) or os.environ.get("WANGGE_TRACE"):
                raise
            text = f"{words('内部错误', 'internal error')} [{type(error).__name__}]"
            typer.echo(f"{text} {words('设置 WANGGE_TRACE=1 可看详情', 'set WANGGE_TRACE=1 for the trace')}", err=True)
        raise typer.Exit(1)


def _is_usage(error: Exception) -> bool:
    """Tell whether an exception is typer's own complaint about the words typed."""
    return hasattr(error, "exit_code") and hasattr(error, "format_message")


def commands(text: str) -> typer.Typer:
    """Return an empty group of commands."""
    return typer.Typer(
        cls=_Refusing, help=text, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
    )


@contextmanager
def opened(store: str | None, *, county: str | None = None, create: bool = False) -> Iterator[Services]:
    """Open the services on a store and close them at the end."""
    from geo.bootstrap import open_services

    with open_services(store_url=store, county_code=county, create=create) as services:
        yield services


def report(facts: Mapping[str, Any], *, as_json: bool, lines: list[str]) -> None:
    """Print a result: one JSON object where asked for, else lines for people."""
    if as_json:
        say(json.dumps(facts, ensure_ascii=False, default=str))
        return
    for line in lines:
        say(line)


def day(text: str | None, *, option: str) -> Any:
    """Return a date written YYYY-MM-DD, None for None."""
    import datetime as dt

    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            words("日期写成 2025-07-01", "write the day as 2025-07-01"), param_hint=option
        ) from None


def progress_line(share: float, what: str) -> None:
    """Show progress on the terminal's error stream, where somebody is watching."""
    if sys.stderr.isatty():
        end = "\n" if share >= 1 else ""
        typer.echo(f"\r{share:4.0%} {term('progress', what, language())[:60]:<60}{end}", err=True, nl=False)
