"""Shapes written as types are checked while the tests run: every annotated function of these packages is called through beartype."""

from __future__ import annotations

from jaxtyping import install_import_hook

for package in ("workbench.nets", "workbench.methods", "workbench.data.scaling", "workbench.physics.amplitudes.gg_yyg"):
    install_import_hook(package, "beartype.beartype")
