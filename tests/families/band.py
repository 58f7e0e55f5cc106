"""p(x, y) = 1 on the unit square: a dataset as somebody might add it."""

from workbench.physics.datasets.dataset import Dataset, plane, points
from workbench.physics.toys import Ramp

DATASET = Dataset(plane((-0.2, -0.2), (1.2, 1.2)), points, toy=Ramp("band", "Flat band", 0), planes=(("x", "y"),))
