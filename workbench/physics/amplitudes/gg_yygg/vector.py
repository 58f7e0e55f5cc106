"""Vectors as 2×2 matrices p·σ, spinors, and their products, over arrays whose last axis counts points.

    p·σ = ( p₀₀ p₀₁ ; p₁₀ p₁₁ ) ,   2 p·q = p₀₀q₁₁ + p₁₁q₀₀ − p₀₁q₁₀ − p₁₀q₀₁ ,   p·σ p̄·σ = p²

A null vector is χ χ̃ᵀ with spinors χ, χ̃; 2 (χ xᵀ)·(ψ yᵀ) = ⟨χψ⟩[xy] with ⟨χψ⟩ = χ₀ψ₁ − χ₁ψ₀.

A vector has axes (2, 2, *batch), a spinor (2, *batch). Where polarisations enter, *batch is one axis for the helicity of each of the six
legs, of length 1 where it does not matter, and the points: products over all helicities are then plain broadcasting.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def dot2(p: Array, q: Array) -> Array:
    """2 p·q"""
    product = p * q[::-1, ::-1]
    return product[0, 0] + product[1, 1] - (product[0, 1] + product[1, 0])


def product(chi: Array, psi: Array) -> Array:
    """⟨χψ⟩"""
    return chi[0] * psi[1] - chi[1] * psi[0]


def outer(chi: Array, tilde: Array) -> Array:
    """χ χ̃ᵀ"""
    return chi[:, None] * tilde[None, :]


def bar(p: Array) -> Array:
    """p·σ̄"""
    return np.stack([np.stack([p[1, 1], -p[0, 1]]), np.stack([-p[1, 0], p[0, 0]])])


def u(chi: Array, q: Array) -> Array:
    """2 (χ xᵀ)·q = u·x"""
    return np.stack([chi[0] * q[1, 1] - chi[1] * q[0, 1], chi[1] * q[0, 0] - chi[0] * q[1, 0]])


def v(tilde: Array, q: Array) -> Array:
    """2 (x χ̃ᵀ)·q = v·x"""
    return np.stack([tilde[0] * q[1, 1] - tilde[1] * q[1, 0], tilde[1] * q[0, 0] - tilde[0] * q[0, 1]])


def turned(chi: Array) -> Array:
    """The spinor x with χ·x = 0: (−χ₁, χ₀)"""
    return np.stack([-chi[1], chi[0]])


def matmul(a: Array, b: Array) -> Array:
    """A B of 2×2 matrices"""
    return a[:, 0, None] * b[None, 0] + a[:, 1, None] * b[None, 1]


def apply(a: Array, psi: Array) -> Array:
    """A ψ"""
    return a[:, 0] * psi[0] + a[:, 1] * psi[1]


def solve(first: Array, a: Array, second: Array, b: Array) -> Array:
    """The spinor x with first·x = a and second·x = b"""
    return np.stack([a * second[1] - b * first[1], b * first[0] - a * second[0]]) / product(first, second)


def factors(p: Array) -> tuple[Array, Array]:
    """χ and χ̃ of a null vector: the column and the row of its largest entry, one of them divided by that entry"""
    size = np.abs(p)
    lower = np.maximum(size[1, 0], size[1, 1]) > np.maximum(size[0, 0], size[0, 1])
    right = np.where(lower, size[1, 1] > size[1, 0], size[0, 1] > size[0, 0])
    column, row = np.where(right, p[:, 1], p[:, 0]), np.where(lower, p[1], p[0])
    return column / np.where(lower, column[1], column[0]), row
