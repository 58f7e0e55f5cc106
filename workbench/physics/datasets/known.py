"""All datasets, each from the file of its name."""

from __future__ import annotations

from importlib import import_module

from workbench.physics.collisions import Collision
from workbench.physics.datasets import DATASETS
from workbench.physics.datasets.dataset import Dataset
from workbench.physics.toys import Family, Toy, errors_of

KNOWN: dict[str, Dataset] = {name: import_module(f"workbench.physics.datasets.{name}").DATASET for name in DATASETS}
TOYS: dict[str, Toy] = {name: dataset.toy for name, dataset in KNOWN.items() if dataset.toy}
COLLISIONS: dict[str, Collision] = {name: dataset.collision for name, dataset in KNOWN.items() if dataset.collision}
FAMILIES: dict[str, dict[str, Family]] = {name: errors_of(toy) for name, toy in TOYS.items()}
"""Families of errors by toy: `fit` is the simplest, `counting` the one to reject. x is r for the ring, p the marginal."""
