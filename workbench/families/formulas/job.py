"""From a recipe to a search for formulas, and what it has found.

A prediction, and a snapshot of it, hold

    complexity; mse, score, constants, formula, python, latex (complexity)
                    the hall of fame: the best formula of each complexity that no simpler one matches, else NaN and ''; of a prediction
                    with constants fitted to all events, of a snapshot as the search sees them
    variance        of what is described: the MSE of the best constant
    member_nodes, member_mse (member)        the population, relative to the variance
    change, taken (trial); temperature       the last trials: (s_new − s_old)/s_old, and whether they were taken

and at the end, of the best formula and of the talk's,

    value, naive, bootstrap (constant)       constants with the error of the fit, and with that of events drawn again
    talk_value, talk_naive, talk_bootstrap (letter); talk_mse
    statistic; information, inner, outer (statistic)     expected limits on f_T [TeV⁻²]
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from workbench.families.formulas import talk
from workbench.families.formulas.annealing import REMEMBERED, Annealing, Member, Settings, as_tree
from workbench.families.formulas.fit import Data, bootstrapped, fitted, naive_errors
from workbench.families.formulas.limits import limit
from workbench.families.formulas.product import FORMULA, best
from workbench.families.formulas.recipe import FormulaRecipe, of_score
from workbench.families.formulas.score_network import learned_score
from workbench.families.formulas.spelling import as_latex, as_python, as_text
from workbench.families.formulas.targets import TEV, as_json, target_for
from workbench.families.formulas.tree import Tree, constants, evaluate, simplified
from workbench.threads import one_thread
from workbench.training.job import Progress, granted, nothing, provenance
from workbench.training.memory import DOUBLE, LIBRARIES, Needed
from workbench.training.report import Report

EXPECTED = 36.0
"""Selected events of the expected limits."""
SHOWN = 400
"""Formulas of the population, and trials, that a snapshot keeps."""


class FormulaJob:
    """One search, ready to run.

    Raises: ValueError or OSError with one sentence when data, memory or engine cannot be used.
    """

    device = "cpu"

    def __init__(self, recipe: FormulaRecipe, progress: Progress = nothing):
        self.recipe, self.steps, self.step, self.seconds = recipe, recipe.steps, 0, 0.0
        granted(needed(recipe), torch.device("cpu"), recipe, ["events", "points"])
        self.target = target_for(recipe, progress)
        target = self.target
        if len(target.sought) < 10:
            raise ValueError(f"Only {len(target.sought)} points are left for the search; more events are needed, or a higher cut on x₁.")
        self.data = Data.of(target.x[target.sought], target.y[target.sought], target.weight[target.sought])
        self.all = Data.of(target.x, target.y, target.weight)
        self.engine: Any = engine_of(recipe, self.data)

    def train(self) -> Iterator[Report]:
        """Reports from where the search stands, one of each generation: MSE of the best formula over the variance, and of the smallest."""
        limit = self.recipe.seconds or math.inf
        while self.step < self.steps and self.seconds < limit:
            began = time.perf_counter()
            self.engine.step()
            self.step += 1
            self.seconds += time.perf_counter() - began
            front, trials = self.engine.front(), self.engine.trials
            chosen = min(front, key=lambda member: member.score)
            losses = {
                "loss": chosen.mse / self.engine.variance,
                "smallest": front[-1].mse / self.engine.variance,
                "nodes": float(chosen.nodes),
                "tried": float(self.engine.evaluations),
            }
            if trials:
                losses |= {"taken": sum(trial.taken for trial in trials) / len(trials), "temperature": trials[0].temperature}
            yield Report(self.step, self.steps, self.seconds, losses, {"likelihood": losses["loss"]})

    def snapshot(self) -> xr.Dataset:
        """What is found at this moment, as the search sees it."""
        found = self._look(self.engine.front(), self.data, "test")
        scalars = {"step": self.step, "seconds": self.seconds}
        return found.assign({name: ((), value, ATTRIBUTES[name]) for name, value in scalars.items()})

    def prediction(self, split: str = "test") -> xr.Dataset:
        """What was found, judged on all events; of the split `train` on those that the search has seen."""
        with one_thread():
            return self._prediction(split)

    def _prediction(self, split: str) -> xr.Dataset:
        data = self.all if split == "test" else self.data
        front = sorted((self._judged(member, data) for member in self.engine.front()), key=lambda member: member.nodes)
        kept: list[Member] = []
        for member in front:
            if math.isfinite(member.mse) and (not kept or member.mse < kept[-1].mse):
                kept.append(member)
        found = self._look(kept, data, split)
        if split != "test":
            return found
        chosen = next(member for member in kept if member.nodes == int(found["complexity"][best(found)]))
        found = found.assign(self._constants(chosen.tree, chosen.mse, ""))
        if of_score(self.recipe) and self.recipe.f_t == 0:
            formula, mse = fitted(talk.FORMULA, data)
            formula = talk.signed(formula)
            found = found.assign(self._constants(formula, mse, "talk_", talk.LETTERS))
            found = found.assign(talk_mse=((), mse, ATTRIBUTES["talk_mse"]))
            found.attrs["talk"] = as_text(formula, self.target.names.text)
            if self.recipe.beside:
                found = found.assign(self._limits(chosen.tree, formula))
        return found

    def _judged(self, member: Member, data: Data) -> Member:
        """A formula with its constants fitted to other points than those of the search."""
        tree, mse = fitted(member.tree, data)
        return Member(tree, member.key, member.nodes, mse, mse / data.variance + self.recipe.parsimony * member.nodes)

    def _look(self, front: list[Member], data: Data, split: str) -> xr.Dataset:
        sizes, names = self.recipe.most_nodes, self.target.names
        columns: dict[str, Any] = {name: np.full(sizes, np.nan) for name in ("mse", "score", "constants")}
        texts = {name: [""] * sizes for name in ("formula", "python", "latex")}
        for member in front:
            place = member.nodes - 1
            columns["mse"][place], columns["score"][place] = member.mse, member.score
            columns["constants"][place] = len(constants(member.tree))
            texts["formula"][place] = as_text(member.tree, names.text)
            texts["python"][place] = as_python(member.tree, names.python)
            texts["latex"][place] = as_latex(member.tree, names.latex)
        population, trials = self.engine.population[:SHOWN], self.engine.trials[:SHOWN]
        described: dict[str, Any] = {name: ("complexity", values) for name, values in columns.items()}
        described |= {name: ("complexity", np.array(values, dtype=object)) for name, values in texts.items()}
        described |= {
            "variance": ((), data.variance),
            "member_nodes": ("member", padded([member.nodes for member in population], self._members)),
            "member_mse": ("member", padded([member.mse / self.engine.variance for member in population], self._members)),
            "change": ("trial", padded([trial.change for trial in trials], self._members)),
            "taken": ("trial", padded([trial.taken for trial in trials], self._members)),
            "temperature": ((), trials[0].temperature if trials else math.nan),
        }
        attrs = {
            **provenance(self.recipe, self.device, split),
            "points": len(data),
            "described": names.target,
            "names": as_json(names),
        }
        variables = {name: (*column, ATTRIBUTES[name]) for name, column in described.items()}
        complexity = ("complexity", np.arange(1, sizes + 1), ATTRIBUTES["complexity"])
        return FORMULA.named(xr.Dataset(variables, {"complexity": complexity}, attrs))

    @property
    def _members(self) -> int:
        return min(
            SHOWN, self.recipe.islands * self.recipe.population if self.recipe.engine == "annealing" else 10 * self.recipe.population
        )

    def _constants(self, tree: Tree, mse: float, prefix: str, letters: tuple[str, ...] = ()) -> dict[str, Any]:
        """Constants of a formula that was fitted to all events, with both kinds of errors."""
        rng = np.random.default_rng([self.recipe.seed, 11])
        drawn = bootstrapped(tree, self.all, rng, self.recipe.samples)
        dimension = "letter" if letters else "constant"
        shown = {
            "value": np.array(constants(tree)),
            "naive": naive_errors(tree, self.all, mse),
            "bootstrap": drawn.std(axis=0, ddof=1),
        }
        found: dict[str, Any] = {prefix + name: (dimension, values, ATTRIBUTES[name]) for name, values in shown.items()}
        return found | ({dimension: (dimension, list(letters))} if letters else {})

    def _limits(self, tree: Tree, right: Tree) -> dict[str, Any]:
        target = self.target
        x, components, weight = target.x, target.components, target.weight
        statistics = {
            "very wrong: x₁x₂": x[:, 0] * x[:, 1],
            "wrong: sin Δφ": np.sin(x[:, 3]),
            "x₁x₂ sin Δφ": x[:, 0] * x[:, 1] * np.sin(x[:, 3]),
            "four parameters": evaluate(right, x.T),
            "best formula": evaluate(tree, x.T),
            "network": learned_score(x, components[:, 0], weight, self.recipe.seed),
            "all of the partons": components[:, 0],
        }
        limits = [limit(values, components, weight, unit=TEV, events=EXPECTED) for values in statistics.values()]
        found: dict[str, Any] = {
            name: ("statistic", [getattr(each, name) for each in limits], ATTRIBUTES[name]) for name in ("information", "inner", "outer")
        }
        return found | {"statistic": ("statistic", list(statistics))}

    def checkpoint(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Everything needed to continue, as plain numbers for JSON, and the best formula for whoever wants its value."""
        state = {"step": self.step, "seconds": self.seconds, "engine": self.engine.state()}
        if self.step:
            chosen = min((self._judged(member, self.all) for member in self.engine.front()), key=lambda member: member.score)
            state |= {"formula": chosen.tree, "names": as_json(self.target.names)}
        return {"step": torch.tensor(self.step)}, state

    def resume(self, tensors: dict[str, Tensor], saved: dict[str, Any]) -> None:
        """Continue from a checkpoint of the same recipe. Raises: ValueError when it does not fit."""
        try:
            self.engine.restore(saved["engine"])
            self.step, self.seconds = int(saved["step"]), float(saved["seconds"])
        except (KeyError, TypeError, IndexError) as problem:
            raise ValueError("The checkpoint does not belong to this recipe; start the run anew.") from problem


def engine_of(recipe: FormulaRecipe, data: Data) -> Any:
    """What searches. Raises: ValueError in one sentence where it is not installed."""
    if recipe.engine == "pyoperon":
        from workbench.families.formulas.genetic import Genetic

        return Genetic(data, recipe)
    settings = Settings(
        recipe.operators, recipe.most_nodes, recipe.parsimony, recipe.alpha, recipe.islands, recipe.population, recipe.cycle
    )
    return Annealing(data, settings, recipe.seed)


def formula_of(saved: dict[str, Any]) -> Tree:
    """The best formula of a checkpoint. Raises: ValueError where there is none."""
    if "formula" not in saved:
        raise ValueError("no formula has been found yet.")
    return simplified(as_tree(saved["formula"]))


def padded(values: list[Any], size: int) -> np.ndarray:
    """As many numbers as always, the missing ones NaN."""
    return np.array([*map(float, values[:size]), *[math.nan] * (size - len(values))])


def needed(recipe: FormulaRecipe) -> Needed:
    """The memory of a recipe, in bytes: columns of all events, and parts of formulas on those of the search."""
    events = recipe.events if recipe.target != "table" else recipe.points
    data = 40 * events * DOUBLE
    search = REMEMBERED + 200 * recipe.points * DOUBLE
    return Needed(int(LIBRARIES + data + search), int(LIBRARIES + data + 20 * events * DOUBLE))


ATTRIBUTES: dict[str, dict[str, str]] = {
    "complexity": {"long_name": "complexity: nodes of the formula", "units": "1"},
    "mse": {"long_name": "mean squared error ⟨(t − f)²⟩"},
    "score": {"long_name": "MSE over variance, and the price of the nodes", "units": "1"},
    "constants": {"long_name": "number of constants", "units": "1"},
    "formula": {"long_name": "formula as it is read"},
    "python": {"long_name": "formula as Python"},
    "latex": {"long_name": "formula as LaTeX"},
    "variance": {"long_name": "variance of what is described"},
    "member_nodes": {"long_name": "complexity of the formulas of the population", "units": "1"},
    "member_mse": {"long_name": "their MSE over the variance", "units": "1"},
    "change": {"long_name": "(s_new − s_old)/s_old of the last trials", "units": "1"},
    "taken": {"long_name": "whether the new formula was taken", "units": "1"},
    "temperature": {"long_name": "temperature T", "units": "1"},
    "value": {"long_name": "constant, fitted to all events"},
    "naive": {"long_name": "error of the fit, as if all residuals had one width"},
    "bootstrap": {"long_name": "error from events drawn again"},
    "talk_mse": {"long_name": "MSE of the four-parameter formula"},
    "information": {"long_name": "share of the information of all that partons know", "units": "1"},
    "inner": {"long_name": "expected limit at 68 %", "units": "TeV⁻²"},
    "outer": {"long_name": "expected limit at 95 %", "units": "TeV⁻²"},
    "step": {"long_name": "generations done", "units": "1"},
    "seconds": {"long_name": "time of the search", "units": "s"},
}
