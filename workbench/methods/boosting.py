"""Boosted training: Σ_j n_j { |A_j − Ā(x_j)|²/(2σ_j²) + log σ_j }, with n_j raised where the network is poor   (arXiv:2206.14831)

    loss boosting:     n_j → n_j + δ   where |t_j| = |⟨A⟩ − A_j|/σ_syst,j is above a cut        (needs the truth)
    process boosting:  n_j → n_j + δ min(1, √(σ_tot,j/σ_cut))   with a fraction of the events above σ_cut   (does not)

In process boosting σ_tot is that of the amplitude itself, in its own unit, so it finds the large and poorly known amplitudes. The root
lifts the neighbours of these few events too: a step at σ_cut makes the network learn them by heart, and the bulk pays for it. The
loss stays a plain mean over the batch and KL/N keeps N = number of distinct events: boosting makes the likelihood stronger and moves
the network from a fit towards an interpolation, on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Boosting:
    """When and whom to boost.

    Arguments: `by_pull`, `by_sigma` are the weights δ added in each of `rounds` rounds, spread over the training from a fifth on;
    `pull_cut` and `fraction` say where the events begin that count in full.
    """

    by_pull: float
    by_sigma: float
    rounds: int
    pull_cut: float
    fraction: float

    def due(self, fraction: float) -> int:
        """Number of rounds that are due when `fraction` of the training is done: the first after a fifth, all before nine tenths."""
        if self.by_pull == 0.0 and self.by_sigma == 0.0:
            return 0
        return int(np.clip(np.floor((fraction - 0.2) / 0.7 * self.rounds + 1.0), 0, self.rounds))

    def round(
        self, weight: np.ndarray, amplitude: np.ndarray, mean: np.ndarray, sigma_syst: np.ndarray, sigma_tot: np.ndarray
    ) -> np.ndarray:
        """The weights n_j `(event,)` after one more round.

        Arguments: `amplitude` the training values A_j; `mean` ⟨A⟩ and the two widths are the network's present ones, all `(event,)` in
        the unit of A.
        """
        pulled = np.abs(mean - amplitude) > self.pull_cut * sigma_syst
        uncertain = np.sqrt(np.minimum(1.0, sigma_tot / np.quantile(sigma_tot, 1.0 - self.fraction)))
        return weight + self.by_pull * pulled + self.by_sigma * uncertain
