"""Commands that answer new questions: the Ask page, and the same for assistants. What must not be here: answers."""

from typing import Annotated

import typer

from assets.cli_app import DEFAULT_HOME, USAGE_PROBLEM, HomeOption, app, open_home
from assets.console import fail, out

_LOCAL = ("127.0.0.1", "localhost", "::1")


@app.command()
def serve(
    home: HomeOption = DEFAULT_HOME,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port of the page.")] = 3001,
    host: Annotated[
        str, typer.Option(help="Address to listen on; another than this machine's needs --public-host.")
    ] = "127.0.0.1",
    public_host: Annotated[
        list[str] | None,
        typer.Option("--public-host", help="Name by which browsers reach it, behind a proxy with a login."),
    ] = None,
    prefix: Annotated[str, typer.Option(help="Path that a proxy serves it under, for example /ask.")] = "",
) -> None:
    """Open the Ask page: any question, answered over what lies in the home. Only reads."""
    if host not in _LOCAL and not public_host:
        raise fail(
            f"--host {host} lets others in, and the page has no login: say by which name they reach it (--public-host NAME) "
            "and put a proxy with a login before it",
            USAGE_PROBLEM,
        )
    if prefix and (not prefix.startswith("/") or prefix.endswith("/")):
        raise fail(f"--prefix {prefix}: write it like /ask", USAGE_PROBLEM)
    open_home(home)
    import uvicorn

    from services.ask.app import make_app

    if public_host:
        out.print("There is no login: whoever reaches this port can ask everything.", style="yellow")
    shown = f"[{host}]" if ":" in host else host
    out.print(f"Ask at http://{shown}:{port}{prefix}/   (Ctrl-C ends it)", highlight=False, markup=False)
    application = make_app(home, public_host or (), prefix=prefix)
    uvicorn.run(application, host=host, port=port, log_level="warning", server_header=False, date_header=False)


@app.command()
def mcp(
    home: HomeOption = DEFAULT_HOME,
    link: Annotated[str, typer.Option(help="Where the Ask page is served, so that answers name their address.")] = "",
) -> None:
    """Answer an assistant's questions over the Model Context Protocol, on standard input and output. Only reads."""
    open_home(home)
    from services.ask.mcp_server import make_server

    make_server(home, link.rstrip("/")).run()
