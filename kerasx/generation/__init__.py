"""Decoding: batched and compiled, or step by step with a `predict` of one's own."""

from kerasx.generation.automaton import Automaton
from kerasx.generation.banned_words import BannedWords
from kerasx.generation.cache import DecodingGraphs
from kerasx.generation.constraint import Constraint
from kerasx.generation.contrastive_search import ContrastiveSearch
from kerasx.generation.decoder import AutoRegressiveDecoder
from kerasx.generation.dialogue import Replier, chat
from kerasx.generation.expression_grammar import ExpressionGrammar, frequent_constants
from kerasx.generation.generator import Generated, Generator
from kerasx.generation.passage_ngrams import PassageNgrams
from kerasx.generation.prefix_trie import PrefixTrie
from kerasx.generation.repetition import NoRepeatNgrams, RepetitionPenalty
from kerasx.generation.reranking import rerank, vote
from kerasx.generation.sampling import Sampling
from kerasx.generation.speculative import Speculated, SpeculativeGenerator
from kerasx.generation.strategies import BeamSearch, Greedy, Strategy

__all__ = [
    "AutoRegressiveDecoder",
    "Automaton",
    "BannedWords",
    "BeamSearch",
    "Constraint",
    "ContrastiveSearch",
    "DecodingGraphs",
    "ExpressionGrammar",
    "Generated",
    "Generator",
    "Greedy",
    "NoRepeatNgrams",
    "PassageNgrams",
    "PrefixTrie",
    "RepetitionPenalty",
    "Replier",
    "Sampling",
    "Speculated",
    "SpeculativeGenerator",
    "Strategy",
    "chat",
    "frequent_constants",
    "rerank",
    "vote",
]
