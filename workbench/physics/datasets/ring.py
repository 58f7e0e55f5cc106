"""Half a Gaussian ring in the plane."""

import numpy as np

from workbench.physics.datasets.dataset import Dataset, plane, points
from workbench.physics.observables import Observable
from workbench.physics.toys import Ring

DATASET = Dataset(
    (
        Observable("r", "r", "", np.linspace(1, 7, 51), lambda p: np.hypot(p[:, 0], p[:, 1]), "Distance from the centre of the ring"),
        *plane((-8.0, -0.5), (8.0, 7.5)),
    ),
    points,
    toy=Ring(),
    planes=(("x", "y"),),
)
