"""For tests of trainings: a home of their own for every file, and one thread, which is fastest for networks as small as these."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(scope="module", autouse=True)
def own_home(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("WORKBENCH_HOME", str(tmp_path_factory.mktemp("home")))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
    patch.undo()
