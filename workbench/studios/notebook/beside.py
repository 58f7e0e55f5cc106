"""A page server beside a notebook kernel: `python -m workbench.studios.notebook.beside FOLDER`, which `notebook.cell` starts and ends.

It listens on a free port of this computer, says on standard output where and with which token, and ends when standard input does: with its
kernel. Its pages may stand in frames of notebooks of this computer.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from dataclasses import replace
from typing import Any

from tornado.httputil import HTTPHeaders
from tornado.web import OutputTransform

from workbench.runs import launcher
from workbench.studios.server import server as pages
from workbench.studios.server.door import Door, new_token
from workbench.studios.server.gate import Gate

SELF = "frame-ancestors 'self'"
FRAMES = f"{SELF} " + " ".join(f"{scheme}://{name}:*" for scheme in ("http", "https") for name in ("127.0.0.1", "localhost"))


class Framed(OutputTransform):
    """Lets a notebook of this computer, and of nowhere else, show a page in a frame."""

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        headers["Content-Security-Policy"] = headers.get("Content-Security-Policy", "").replace(SELF, FRAMES)
        headers.pop("X-Frame-Options", None)  # it cannot name several, and the policy goes before it
        return status_code, headers, chunk


def follow_kernel(server: Any) -> None:
    """Take over the origins under which the kernel's browsers come in; when the kernel has ended, however it ended, end too."""
    gate: Gate = server.gate
    for line in sys.stdin:
        origin = json.loads(line).get("origin", "")
        door = replace(gate.door, origins=tuple({*gate.door.origins, origin}))
        if not door.problem():
            gate.door = door
    server.io_loop.add_callback(server.io_loop.stop)
    threading.Event().wait(2.0)
    os._exit(0)  # something still computes; the runs are processes of their own and go on


def main(folder: str) -> None:
    server = pages.build(0, "127.0.0.1", folder, door=Door(port=0, token=new_token(), lecturer=new_token()))
    server._tornado.add_transform(Framed)
    launcher.warm()
    server.start()
    print(json.dumps({"port": server.port, "token": server.gate.door.lecturer}), flush=True)
    threading.Thread(target=follow_kernel, args=(server,), daemon=True).start()
    try:
        pages.run(server)
    except (KeyboardInterrupt, asyncio.CancelledError):
        pass


if __name__ == "__main__":
    main(sys.argv[1])
