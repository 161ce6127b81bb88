"""One file a task: the reader of its public format and its made-up sample. NumPy only."""

from kerasx.datasets.dialogues import generate_dialogues, join_words, read_dialogues
from kerasx.datasets.events import TRIGGER, EventText, event_record, generate_events, read_events
from kerasx.datasets.math_problems import (
    Problem,
    generate_problems,
    read_ape210k,
    train_test_problems,
)
from kerasx.datasets.paraphrases import SentencePair, generate_paraphrases
from kerasx.datasets.questions import Question, generate_questions, read_squad
from kerasx.datasets.relations import (
    RelationText,
    generate_relations,
    read_relations,
    spo_record,
    triple_spans,
)
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
    "TRIGGER",
    "TaggedText",
    "event_record",
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
    "join_words",
    "read_ape210k",
    "read_conll",
    "read_dialogues",
    "read_events",
    "read_papers",
    "read_relations",
    "read_segmented",
    "read_squad",
    "spo_record",
    "train_test_problems",
    "triple_spans",
]
