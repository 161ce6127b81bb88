"""Generate sequences: in compiled batches, or step by step around a `predict` you write."""

from kerasx.generation.constraints.automaton import Automaton
from kerasx.generation.constraints.banned_words import BannedWords
from kerasx.generation.constraints.constraint import Constraint
from kerasx.generation.constraints.expression_grammar import ExpressionGrammar, frequent_constants
from kerasx.generation.constraints.passage_ngrams import PassageNgrams
from kerasx.generation.constraints.prefix_trie import PrefixTrie
from kerasx.generation.constraints.repetition import NoRepeatNgrams, RepetitionPenalty
from kerasx.generation.decoder import AutoRegressiveDecoder
from kerasx.generation.generated import Generated
from kerasx.generation.generator import Generator
from kerasx.generation.replier import Replier, chat
from kerasx.generation.reranking import rerank, vote
from kerasx.generation.strategies.beam_search import BeamSearch
from kerasx.generation.strategies.contrastive_search import ContrastiveSearch
from kerasx.generation.strategies.greedy import Greedy
from kerasx.generation.strategies.sampling import Sampling
from kerasx.generation.strategies.strategy import Strategy

__all__ = [
    "AutoRegressiveDecoder",
    "Automaton",
    "BannedWords",
    "BeamSearch",
    "Constraint",
    "ContrastiveSearch",
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
    "Strategy",
    "chat",
    "frequent_constants",
    "rerank",
    "vote",
]
