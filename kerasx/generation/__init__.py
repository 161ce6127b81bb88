"""Decoding: batched and compiled, or step by step with a `predict` of one's own."""

from kerasx.generation.cache import DecodingGraphs
from kerasx.generation.constraint import Constraint
from kerasx.generation.decoder import AutoRegressiveDecoder
from kerasx.generation.generator import Generated, Generator
from kerasx.generation.strategies import BeamSearch, Greedy

__all__ = [
    "AutoRegressiveDecoder",
    "BeamSearch",
    "Constraint",
    "DecodingGraphs",
    "Generated",
    "Generator",
    "Greedy",
]
