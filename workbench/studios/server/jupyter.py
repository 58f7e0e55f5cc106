"""The pages as an entry of the launcher of JupyterLab, as a user of a JupyterHub finds them; jupyter-server-proxy starts and finds them.

They listen on this computer only, and for whoever holds the token that is made here at each start of the Jupyter server: other users of the
same computer see the login page. What the hub lets through has the names of this computer, which the gate expects; where it came from has
been checked by Jupyter, for a websocket too.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from workbench.studios.server.badges import new_token

ICON = Path(__file__).parents[1] / "browser" / "icon.svg"


def entry() -> dict[str, Any]:
    """What jupyter-server-proxy asks for, by the entry point `jupyter_serverproxy_servers`."""
    token = new_token()
    return {
        "command": [sys.executable, "-m", "workbench", "--no-browser", "--port", "{port}", "--prefix", "{base_url}workbench"],
        "environment": {"WORKBENCH_LECTURER_TOKEN": token},
        "absolute_url": True,  # the pages know the whole path, under their prefix
        "request_headers_override": {"Host": "127.0.0.1:{port}", "Origin": "http://127.0.0.1:{port}"},
        "timeout": 60,
        "launcher_entry": {"title": "Workbench", "icon_path": str(ICON), "path_info": f"workbench/?token={token}"},
    }
