"""The command that collects. What must not be here: what is taken, and how it is kept (services/capture)."""

import os
from pathlib import Path
from typing import Annotated

import typer

from assets.cli_app import DEFAULT_HOME, USAGE_PROBLEM, HomeOption, app, open_home
from assets.console import fail, out

KEY_VARIABLE = "FOOTFALL_CAPTURE_KEY"


@app.command()
def capture(  # noqa: PLR0913, PLR0917  # options
    home: HomeOption = DEFAULT_HOME,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")] = 3002,
    host: Annotated[str, typer.Option(help="Address to listen on; put a proxy with TLS before it.")] = "127.0.0.1",
    rotate: Annotated[float, typer.Option(min=1, max=3600, help="Seconds after which a landing file is made.")] = 60,
    rate: Annotated[float, typer.Option(min=0, help="Requests a second that one address may make; 0: any.")] = 50,
    min_free_mb: Annotated[int, typer.Option(min=0, help="With less free disk nothing is taken any more.")] = 200,
    spool: Annotated[
        Path | None, typer.Option(help="Folder of what isn't a landing file yet; default: `spool` in the home.")
    ] = None,
    snippet: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Only print the line for your pages; URL: where browsers reach it."),
    ] = None,
) -> None:
    """Collect events, recordings and answers from your pages into landing files, by the section `capture` of product.yaml."""
    if snippet is not None:
        out.print(f'<script async src="{snippet.rstrip("/")}/t.js"></script>', highlight=False, markup=False)
        return
    opened = open_home(home)
    if opened.product.capture is None:
        raise fail(
            "product.yaml has no section `capture`; add for example\n"
            "  capture:\n    origins: [https://www.shop.example]\n    source: web\n"
            "and a source `web: {format: canonical, heartbeat_s: 10, minimum_visit_s: 5}` (docs/capture.md)",
            USAGE_PROBLEM,
        )
    if opened.lake.is_remote and spool is None:
        raise fail(
            "a home in an object store needs --spool FOLDER on a disk that stays: what isn't a landing file yet lies there",
            USAGE_PROBLEM,
        )
    import uvicorn

    from services.capture.app import STATIC, Options, make_app

    if not (STATIC / "t.js").is_file():
        raise fail("the tag isn't built; run `make assets`", USAGE_PROBLEM)
    options = Options(rotate, rate, min_free_mb << 20, spool, os.environ.get(KEY_VARIABLE))
    shown = f"[{host}]" if ":" in host else host
    out.print(f"Collecting at http://{shown}:{port}/   (Ctrl-C ends it)", highlight=False, markup=False)
    out.print(
        f'The line for your pages: <script async src="http://{shown}:{port}/t.js"></script>',
        highlight=False,
        markup=False,
    )
    uvicorn.run(
        make_app(home, options),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
