"""Data pipelines. Importing this loads NumPy only; `BucketDataset` loads Keras when first used."""

import importlib

from kerasx.data.ape210k import Problem, read_ape210k
from kerasx.data.arguments import delete_arguments, insert_arguments
from kerasx.data.arrays import orthogonally_resize, softmax, to_array
from kerasx.data.batches import Batches
from kerasx.data.buckets import Batch, bucket_lengths, padding_ratio, plan_batches
from kerasx.data.collate import collate
from kerasx.data.dialogues import encode_dialogue, encode_prompt, join_words, read_dialogues
from kerasx.data.events import TRIGGER, EventText, event_record, generate_events, read_events
from kerasx.data.files import IndexedLines
from kerasx.data.generator import DataGenerator
from kerasx.data.math_problems import generate_problems, train_test_problems
from kerasx.data.padding import sequence_padding, truncate_sequences
from kerasx.data.parallel import parallel_apply, parallel_apply_generator
from kerasx.data.paraphrases import SentencePair, generate_paraphrases
from kerasx.data.questions import Question, generate_questions, read_squad
from kerasx.data.readers import read_blocks, read_jsonl, read_lines, read_tsv, write_jsonl
from kerasx.data.relations import (
    RelationText,
    generate_relations,
    read_relations,
    spo_record,
    triple_spans,
)
from kerasx.data.reviews import Review, generate_reviews
from kerasx.data.sentences import TaggedText, generate_entities, generate_segmented
from kerasx.data.sequences import read_conll, read_segmented
from kerasx.data.small_talk import generate_dialogues
from kerasx.data.tables import display_width, text_table
from kerasx.data.text import (
    convert_to_unicode,
    is_string,
    longest_common_subsequence,
    longest_common_substring,
    lowercase_and_normalize,
    string_matching,
    strQ2B,
    text_segmentate,
)
from kerasx.data.titles import Paper, generate_papers, read_papers
from kerasx.data.validation import check_finite, check_ids, check_labels
from kerasx.data.viterbi import ViterbiDecoder

__all__ = [
    "Batch",
    "Batches",
    "BucketDataset",
    "DataGenerator",
    "EventText",
    "IndexedLines",
    "Paper",
    "Problem",
    "Question",
    "RelationText",
    "Review",
    "TRIGGER",
    "TaggedText",
    "ViterbiDecoder",
    "SentencePair",
    "bucket_lengths",
    "check_finite",
    "check_ids",
    "check_labels",
    "collate",
    "convert_to_unicode",
    "delete_arguments",
    "display_width",
    "encode_dialogue",
    "encode_prompt",
    "event_record",
    "generate_dialogues",
    "generate_papers",
    "generate_paraphrases",
    "generate_entities",
    "generate_events",
    "generate_problems",
    "generate_questions",
    "generate_relations",
    "generate_reviews",
    "generate_segmented",
    "insert_arguments",
    "is_string",
    "join_words",
    "longest_common_subsequence",
    "longest_common_substring",
    "lowercase_and_normalize",
    "orthogonally_resize",
    "padding_ratio",
    "parallel_apply",
    "parallel_apply_generator",
    "plan_batches",
    "read_ape210k",
    "read_blocks",
    "read_conll",
    "read_dialogues",
    "read_events",
    "read_jsonl",
    "read_lines",
    "read_segmented",
    "read_papers",
    "read_relations",
    "read_squad",
    "read_tsv",
    "sequence_padding",
    "softmax",
    "spo_record",
    "strQ2B",
    "string_matching",
    "text_segmentate",
    "text_table",
    "to_array",
    "train_test_problems",
    "triple_spans",
    "truncate_sequences",
    "write_jsonl",
]


def __getattr__(name):
    if name == "BucketDataset":
        return importlib.import_module("kerasx.data.dataset").BucketDataset
    raise AttributeError(f"module 'kerasx.data' has no attribute '{name}'")


def __dir__():
    return list(__all__)
