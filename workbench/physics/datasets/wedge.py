"""p(x, y) = 2x on the unit square."""

from workbench.physics.datasets.dataset import Dataset, plane, square
from workbench.physics.toys import Ramp

DATASET = Dataset(plane((-0.2, -0.2), (1.2, 1.2)), square, toy=Ramp("wedge", "Wedge ramp", 1), planes=(("x", "y"),))
