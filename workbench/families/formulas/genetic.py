"""The same search by genetic programming with two aims, MSE and length (NSGA-II), generation by generation: the package pyoperon.

Each generation has random numbers of its own, (seed, generation), and begins from the individuals of the one before: so a search goes on
bit for bit from what it was, and ends between any two generations. One thread: same seed, same formulas.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from workbench.families.formulas.annealing import Member, Trial, nested
from workbench.families.formulas.fit import Data, fitted
from workbench.families.formulas.recipe import FormulaRecipe
from workbench.families.formulas.tree import OPERATORS, Tree, constants, key, nodes, simplified, snapped

INSTALL = (
    "The engine pyoperon is not installed; `pip install 'workbench[formula]'` adds it, or choose the engine annealing, which needs nothing."
)
TYPES = {
    "add": "Add", "sub": "Sub", "mul": "Mul", "div": "Div", "square": "Square", "sin": "Sin", "cos": "Cos", "exp": "Exp", "log": "Log",
    "sqrt": "Sqrt", "tanh": "Tanh",
}  # fmt: skip
"""Ours and theirs; there is no cube."""
PER_FORMULA = 10
"""Individuals for each formula of an island."""
LONGEST, DEEPEST = 1.4, 10
"""Their trees have a weight at every variable, so they may be longer than ours."""
FIT_STEPS = 5
ENDLESS = 10**9


class Genetic:
    """The search, as `Annealing` is one; it has no temperature and no trials."""

    trials: tuple[Trial, ...] = ()

    def __init__(self, data: Data, recipe: FormulaRecipe):
        try:
            import pyoperon
        except ImportError as problem:
            raise ValueError(INSTALL) from problem
        self.library, self.data, self.recipe = pyoperon, data, recipe
        self.size = PER_FORMULA * recipe.population
        self.variance = max(data.variance, 1e-300)
        self.generation = self.evaluations = 0
        self.hall: dict[int, Member] = {}
        self.parts = self._built()

    def _built(self) -> dict[str, Any]:
        """The algorithm and all that it points to, which must live as long."""
        op, recipe = self.library, self.recipe
        table = op.Dataset(np.asfortranarray(np.column_stack([*self.data.columns, self.data.target])))
        *inputs, target = sorted(table.Variables, key=lambda variable: variable.Index)
        hashes = [variable.Hash for variable in inputs]
        self.hashes = {variable: place for place, variable in enumerate(hashes)}
        problem = op.Problem(table)
        problem.TrainingRange, problem.TestRange = op.Range(0, table.Rows), op.Range(table.Rows - 1, table.Rows)
        problem.Target, problem.InputHashes = target, hashes
        allowed = [TYPES[name] for name in OPERATORS[recipe.operators] if name in TYPES]
        problem.ConfigurePrimitiveSet(sum(int(getattr(op.NodeType, name)) for name in (*allowed, "Constant", "Variable")))
        primitives, longest = problem.PrimitiveSet, round(LONGEST * recipe.most_nodes)
        creator, coefficients = op.BalancedTreeCreator(primitives, hashes, 0.0), op.NormalCoefficientInitializer()
        coefficients.ParameterizeDistribution(0, 1)
        dispatch = op.DispatchTable()
        optimiser = op.LMOptimizer(dispatch, problem, FIT_STEPS, 0)
        aims = [op.Evaluator(problem, dispatch, op.MSE(), True), op.LengthEvaluator(problem)]
        evaluator = op.MultiEvaluator(problem)
        for aim in aims:
            aim.Budget = ENDLESS
            evaluator.Add(aim)
        evaluator.Budget = ENDLESS
        comparison = op.CrowdedComparison()
        selector = op.TournamentSelector(comparison)
        selector.TournamentSize = 5
        reinserter, crossover = op.KeepBestReinserter(comparison), op.SubtreeCrossover(0.9, DEEPEST, longest)
        point = op.NormalOnePointMutation()
        point.ParameterizeDistribution(0, 1)
        changes = [
            point,
            op.ChangeVariableMutation(hashes),
            op.ChangeFunctionMutation(primitives),
            op.ReplaceSubtreeMutation(creator, coefficients, DEEPEST, longest),
            op.InsertSubtreeMutation(creator, coefficients, DEEPEST, longest),
            op.RemoveSubtreeMutation(primitives),
        ]
        mutation = op.MultiMutation()
        for change in changes:
            mutation.Add(change, 1.0)
        local = op.CoefficientOptimizer(optimiser)
        offspring = op.BasicOffspringGenerator(evaluator, crossover, mutation, selector, selector, local)
        trees = op.UniformLengthTreeInitializer(creator)
        trees.ParameterizeDistribution(primitives.FunctionArityLimits()[0] + 1, min(10, longest))
        trees.MinDepth, trees.MaxDepth = 1, 1_000
        config = op.GeneticAlgorithmConfig(
            generations=1, max_evaluations=ENDLESS, local_iterations=FIT_STEPS, population_size=self.size, pool_size=self.size,
            p_crossover=1.0, p_mutation=0.25, p_local=1.0, p_lamarck=1.0, epsilon=1e-5, seed=0, max_time=2**62,
        )  # fmt: skip
        sorter = op.RankSorter()
        algorithm = op.NSGA2Algorithm(config, problem, trees, coefficients, offspring, reinserter, sorter)
        return {name: value for name, value in locals().items() if name != "self"}

    def _run(self, *, warm: bool) -> None:
        chance = np.random.SeedSequence([self.recipe.seed, self.generation]).generate_state(1, np.uint64)[0]
        self.parts["algorithm"].Run(self.library.RandomGenerator(int(chance)), None, 1, warm)

    def step(self) -> None:
        """One generation."""
        self._run(warm=self.generation > 0)
        self.generation += 1
        self.evaluations += self.size
        for individual in self.parts["algorithm"].BestFront:
            tree = simplified(("mul", 1.001, self._tree(individual.Genotype)))
            for each in {key(tree): tree, key(short := simplified(snapped(tree))): short}.values():
                self._admit(each)

    def _admit(self, tree: Tree) -> None:
        """To the hall of fame, with its constants fitted, if it is better than what is there."""
        if nodes(tree) > self.recipe.most_nodes or nested(tree):
            return
        tree, mse = fitted(tree, self.data, 10)
        member = self._member(tree, mse)
        if math.isfinite(mse) and (member.nodes not in self.hall or mse < self.hall[member.nodes].mse):
            self.hall[member.nodes] = member

    def _member(self, tree: Tree, mse: float) -> Member:
        size = nodes(tree)
        return Member(tree, key(tree), size, mse, mse / self.variance + self.recipe.parsimony * size)

    def front(self) -> list[Member]:
        """The hall of fame: formulas that no simpler one matches, from the simplest to the best."""
        found: list[Member] = []
        for size in sorted(self.hall):
            if not found or self.hall[size].mse < found[-1].mse * (1 - 1e-9):
                found.append(self.hall[size])
        return found or [self._member(0.0, float((self.data.root**2 * self.data.target**2).mean()))]

    @property
    def population(self) -> list[Member]:
        individuals = self.parts["algorithm"].Individuals if self.generation else []
        return [self._member(simplified(self._tree(each.Genotype)), each.GetFitness(0)) for each in list(individuals)[: self.size]]

    def _tree(self, theirs: Any) -> Tree:
        """Ours from theirs, which is in postfix order, the last argument first, with a weight at every variable."""
        stack: list[Tree] = []
        names = {getattr(self.library.NodeType, theirs_name): name for name, theirs_name in TYPES.items()}
        for node in theirs.Nodes:
            if node.IsVariable:
                stack.append(("mul", float(node.Value), self.hashes[node.HashValue]))
            elif node.IsConstant:
                stack.append(float(node.Value))
            else:
                stack.append((names[node.Type], *(stack.pop() for _ in range(node.Arity))))
        return stack[0]

    def state(self) -> dict[str, Any]:
        """Everything needed to go on bit for bit, as plain numbers for JSON."""
        individuals = self.parts["algorithm"].Individuals if self.generation else []
        return {
            "generation": self.generation,
            "evaluations": self.evaluations,
            "hall": [[member.tree, member.mse] for member in self.hall.values()],
            "individuals": [
                [
                    [
                        [int(node.Type), self.hashes.get(node.HashValue, 0) if node.IsVariable else 0, node.Value]
                        for node in one.Genotype.Nodes
                    ],
                    [one.GetFitness(0), one.GetFitness(1)],
                ]
                for one in individuals
            ],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from there. Raises: KeyError, TypeError or ValueError where it does not fit."""
        from workbench.families.formulas.annealing import as_tree

        op, variables = self.library, {place: known for known, place in self.hashes.items()}
        individuals = op.IndividualCollection()
        for plain, fitness in state["individuals"]:
            made = []
            for kind, place, value in plain:
                type_ = op.NodeType(kind)
                node = op.Node(type_, variables[place]) if type_ == op.NodeType.Variable else op.Node(type_)
                node.Value = value
                made.append(node)
            one = op.Individual(2)
            one.Genotype = op.Tree(made).UpdateNodes()
            for aim, worth in enumerate(fitness):
                one.SetFitness(worth, aim)
            individuals.append(one)
        self.generation = 0
        self._run(warm=False)  # only an algorithm that has begun can go on
        self.parts["algorithm"].RestoreIndividuals(individuals)
        self.generation, self.evaluations = int(state["generation"]), int(state["evaluations"])
        members = [self._member(as_tree(tree), float(mse)) for tree, mse in state["hall"]]
        self.hall = {member.nodes: member for member in members}
        if any(not math.isfinite(value) for member in members for value in constants(member.tree)):
            raise ValueError("The checkpoint holds formulas without a value; start the run anew.")
