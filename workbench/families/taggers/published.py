"""Published taggers of top jets: 1.2 million jets of another detector (arXiv:1902.09914), so no target here."""

from __future__ import annotations

NaN = float("nan")
PUBLISHED = {
    "TopoDNN": (0.972, NaN, 295),
    "LoLa": (0.980, NaN, 722),
    "P-CNN": (0.9803, 201, 759),
    "N-subjettiness": (0.981, NaN, 867),
    "PFN": (0.9819, 247, 888),
    "ParticleNet": (0.9858, 397, 1615),
    "ParT": (0.9858, 413, 1602),
    "LorentzNet": (0.9868, 498, 2195),
    "PELICAN": (0.9870, NaN, 2250),
    "L-GATr": (0.9870, 540, 2240),
    "L-GATr-slim": (0.9869, 546, 2264),
}
"""AUC, 1/ε_B at ε_S = 0.5 and at 0.3 (arXiv:2405.14806, arXiv:2411.00446, arXiv:2512.17011). P-CNN, N-subjettiness, TopoDNN and PELICAN are
not built here."""
OURS = {
    "deep_sets": "PFN",
    "lola": "LoLa",
    "particlenet": "ParticleNet",
    "part": "ParT",
    "lorentznet": "LorentzNet",
    "lgatr": "L-GATr-slim",
}
"""Which of them an architecture is, of another size."""
ELSEWHERE = "published, 1.2 M jets"
