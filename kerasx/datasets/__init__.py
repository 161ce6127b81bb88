"""Data sets: readers of public formats, and generated samples that need no download."""

from kerasx.datasets.dialogues import generate_dialogues, read_dialogues
from kerasx.datasets.events import EventText, generate_events, read_events
from kerasx.datasets.math_problems import Problem, generate_problems, read_ape210k
from kerasx.datasets.paraphrases import SentencePair, generate_paraphrases
from kerasx.datasets.questions import Question, generate_questions, read_squad
from kerasx.datasets.relations import RelationText, generate_relations, read_relations
from kerasx.datasets.reviews import Review, generate_reviews
from kerasx.datasets.tagged_texts import (
    TaggedText,
    generate_entities,
    generate_segmented,
    read_conll,
    read_segmented,
)
from kerasx.datasets.titles import Paper, generate_papers, read_papers

__all__ = [
    "EventText",
    "Paper",
    "Problem",
    "Question",
    "RelationText",
    "Review",
    "SentencePair",
    "TaggedText",
    "generate_dialogues",
    "generate_entities",
    "generate_events",
    "generate_papers",
    "generate_paraphrases",
    "generate_problems",
    "generate_questions",
    "generate_relations",
    "generate_reviews",
    "generate_segmented",
    "read_ape210k",
    "read_conll",
    "read_dialogues",
    "read_events",
    "read_papers",
    "read_relations",
    "read_segmented",
    "read_squad",
]
