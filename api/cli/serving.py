"""`wangge serve`: the HTTP interface and the planner's page."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli.frame import StoreName, opened, say, words

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["register", "serve", "serve_store"]

Host = Annotated[str, typer.Option("--host", help="监听地址；默认只供本机")]
Port = Annotated[int, typer.Option("--port", min=1, max=65535)]
Workers = Annotated[int, typer.Option("--workers", min=1, max=64, help="进程数；多于 1 个需用 PostGIS")]


def serve_store(
    store: str | None, *, host: str = "127.0.0.1", port: int = 8000, workers: int = 1, say: Callable[[str], None]
) -> None:
    """Serve a store until interrupted.

    Parameters
    ----------
    host : str
        Address to listen on. Anything but this machine's own answers to every host name.
    workers : int
        Processes. An embedded store has one writer, so more than one asks for PostGIS.

    Raises
    ------
    BadParameter
        Several workers on an embedded store.
    """
    import uvicorn

    with opened(store) as services:  # a store that cannot be opened is refused before the server starts
        embedded = services.settings.store_path() is not None if store is None else "://" not in store
    if workers > 1 and embedded:
        raise typer.BadParameter(
            words("多进程请用 PostGIS 库", "several workers need a PostGIS store"), param_hint="--workers"
        )
    from api.app import LOCAL_HOSTS

    if store is not None:
        os.environ["WANGGE_STORE"] = store
    local = host in LOCAL_HOSTS
    os.environ["WANGGE_SERVE_HOSTS"] = ",".join(sorted(LOCAL_HOSTS)) if local else ""
    say(words(f"打开 http://{host}:{port}/（按 Ctrl+C 结束）", f"open http://{host}:{port}/ (Ctrl+C ends)"))
    uvicorn.run(
        "api.app:from_environment",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        http="api.protocol:QuickProtocol",
        log_level="warning",
        server_header=False,
        access_log=False,  # the gate notes each exchange, without what was asked
    )


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Workers = 1,
    store: StoreName = None,
) -> None:
    """打开服务 / serve the interface and the page."""
    serve_store(store, host=host, port=port, workers=workers, say=say)


def register(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command("serve")(serve)
