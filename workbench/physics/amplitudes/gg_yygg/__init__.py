"""g g → γ γ g g at one loop through five massless quarks, "one more jet": |M|² from its cuts, and 600 points of another program.

Its 60 six-point primitives have no compact form, but generalised unitarity gives their sum over the places of the photons directly:

    A_c = Σ_boxes d F₄ + Σ_three-mass c₀ F₃ + Σ_S b_S (−ln(−s_S)) + R        for each of three colour orders c of the gluons

195 boxes (quadruple cuts) and 15 three-mass triangles (triple cuts) with massless quarks in four dimensions; 25 bubbles and the rational
part R from a scalar in the loop, times two: the spin of the quark lowers the power of the loop momentum by two, and with the photons
summed nothing of it reaches them. One- and two-mass triangles are not needed, since all (−s)^−ε/ε² cancel: there is no tree amplitude.
About 200 points a second on one core, where MadLoop with the tensor reduction of COLLIER needs 1.4 s for each.

No mass enters and α_s is fixed, so dimensional analysis is exact:

    A(λp) = λ⁻⁴ A(p)

Where a gluon k is soft the amplitude becomes that of gg → γγg times the eikonal factor, with 1/2 for the second identical gluon:

    A → A(gg → γγg) · ½ · 4πα_s · 3 Σ_{i<j} p_i·p_j / (p_i·k p_j·k) ,  i, j the other three gluons

Read in this order: vector, legs, cuts; quark, loop_functions, boxes; directions, three_mass; scalar, triangles, bubbles, rational;
amplitude, evaluation; points.

Sources: Britto, Cachazo, Feng, hep-th/0412103; Forde, arXiv:0704.1835; Badger, arXiv:0806.4600.
"""

from workbench.physics.amplitudes.gg_yygg.evaluation import Evaluated, squared_amplitude, squared_amplitude_with_error
from workbench.physics.amplitudes.gg_yygg.points import DIMENSION, FILE, Points, shipped

__all__ = ["DIMENSION", "FILE", "Evaluated", "Points", "shipped", "squared_amplitude", "squared_amplitude_with_error"]
