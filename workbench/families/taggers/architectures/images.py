"""Jet images: h = convolutions of 10 √(shares of p_T) on 24 × 24 pixels, centred, rotated and flipped   (arXiv:1701.08784)"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from workbench.families.taggers.architectures.tagger import Body, ModuleTagger, Normal

CHANNELS = 16


class Convolutions(Body):
    """3 × 3 filters: 2 × c, half as many pixels, 2 × 2c, half, 2c, half; then 64 numbers of all pixels."""

    width = 64

    def __init__(self, constituents: int):
        super().__init__(constituents)
        c, half = CHANNELS, nn.MaxPool2d(2)
        self.layers = nn.Sequential(
            *filtered(1, c), *filtered(c, c), half, *filtered(c, 2 * c), *filtered(2 * c, 2 * c), half, *filtered(2 * c, 2 * c), half,
            nn.Flatten(), nn.Linear(2 * c * 9, self.width), nn.ReLU(),
        )  # fmt: skip

    def forward(self, image: Float[Tensor, "jet row column"]) -> Float[Tensor, "jet latent"]:
        return self.layers(10 * image.clamp(min=0).sqrt().unsqueeze(1))


def filtered(inputs: int, outputs: int) -> list[nn.Module]:
    """A 3 × 3 filter, normalised, bent."""
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), Normal(outputs), nn.ReLU()]


class Images(ModuleTagger):
    """A convolutional network of jet images."""

    title, sees, body, price = "image CNN", ("image",), Convolutions, (51.0, 0)
