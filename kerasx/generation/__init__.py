"""Decoding: batched and compiled, or step by step with a model of one's own."""

from kerasx.generation.cache import DecodingGraphs
from kerasx.generation.generator import Generated, Generator
from kerasx.generation.strategies import BeamSearch, Greedy

__all__ = ["BeamSearch", "DecodingGraphs", "Generated", "Generator", "Greedy"]
