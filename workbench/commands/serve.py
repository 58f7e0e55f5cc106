"""The pages, and the lecture notebooks."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from workbench.commands.usage import Usage, store_of, whole


def serve(options: argparse.Namespace) -> int:
    port = whole("--port", options.port, 0, 65_535)
    from workbench.studios.server.door import Door, new_token
    from workbench.studios.server.house import HOME, House

    token, lecturer = (
        token_of(f"--{name}", given or os.environ.get(f"WORKBENCH_{name.replace('-', '_').upper()}", ""))
        for name, given in (("token", options.token), ("lecturer-token", options.lecturer_token))
    )
    if token == "auto":  # noqa: S105
        token = new_token()
    if lecturer in ("", "auto"):
        lecturer = new_token()
    for name in ("pages", "jobs_each", "users", "gallery"):
        if getattr(options, name) and not token:
            raise Usage(f"--{name.replace('_', '-')} is for a class, which needs --token TOKEN (or --token auto).")
    pages, each = whole("--pages", options.pages or "60", 1, 10_000), whole("--jobs-each", options.jobs_each or "2", 0, 10_000)
    origins = tuple(origin.rstrip("/") for origin in options.origin or ())
    prefix = "/" + options.prefix.strip("/") if options.prefix.strip("/") else ""
    door = Door(options.host, port, prefix, token, lecturer, origins, pages)
    if problem := door.problem():
        raise Usage(problem)
    if options.jobs:
        os.environ["WORKBENCH_SLOTS"] = str(whole("--jobs", options.jobs, 1, 1_000))
    folder = store_of(options).root
    from workbench.studios import serve as serve_pages

    house = House(gallery=options.gallery, users=options.users, each=each) if token else HOME
    serve_pages(show=not options.no_browser, runs=folder, door=door, house=house)
    return 0


def token_of(option: str, given: str) -> str:
    """A token that was given, or the first line of the file that is named by @FILE. Raises: Usage."""
    if not given.startswith("@"):
        return given
    with Path(given[1:]).expanduser().open("rb") as file:
        first = file.readline(1_000).decode("utf-8", "replace").strip()
    if not first:
        raise Usage(f"{option} {given[:60]}: there is no token in the first line of this file.")
    return first


def lab_command(options: argparse.Namespace) -> int:
    port = whole("--port", options.lab_port, 1, 65_535)
    from workbench.studios.notebook.lab import lab

    if options.folder:
        os.environ["WORKBENCH_RUNS"] = str(store_of(options).root)  # for the kernels
    lab(options.place, port=port, show=not (options.lab_quiet or options.no_browser))
    return 0
