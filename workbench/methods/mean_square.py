"""Mean squares: L = ⟨ n_j (A_j − Ā(x_j))²/2 ⟩ of standardised log-amplitudes, without error bars

A weight prior has no place beside it. The same distance counts the same everywhere, and nothing says where the network is poor. As trained
it has no error bar; calibration gives it one and the same relative width for all events, that of the validation.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from workbench.data.scaling import Batch
from workbench.methods.regression import LOG_VARIANCE, GaussianRegression


class MeanSquare(GaussianRegression):
    """A regression whose second output nobody reads: σ is as small as can be said."""

    def loss(
        self, outputs: Float[Tensor, "*row event 2"], batch: Batch
    ) -> tuple[Float[Tensor, "*row event"], Float[Tensor, "*row event 2"]]:
        residual = outputs[..., 0] - batch.target
        slope = batch.weight * residual
        return 0.5 * slope * residual, torch.stack([slope, torch.zeros_like(slope)], dim=-1)

    def predict(self, rows: Float[Tensor, "*networks parameter"], features: Float[Tensor, "event feature"]) -> Tensor:
        out = super().predict(rows, features)
        out[..., 1] = LOG_VARIANCE[0]
        return out
