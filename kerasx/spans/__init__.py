"""Convert texts to labels and back: alignment, tags, pointers, linked spans. NumPy only."""

from kerasx.spans.alignment import text_spans, token_spans
from kerasx.spans.half_pointers import best_span
from kerasx.spans.linked import (
    event_labels,
    linked_events,
    linked_triples,
    text_triples,
    token_triples,
    triple_labels,
)
from kerasx.spans.tagging import (
    allowed_transitions,
    encode_tags,
    pointer_labels,
    pointer_spans,
    spans_to_tags,
    tag_set,
    tags_to_spans,
)
from kerasx.spans.viterbi import ViterbiDecoder

__all__ = [
    "ViterbiDecoder",
    "allowed_transitions",
    "best_span",
    "encode_tags",
    "event_labels",
    "linked_events",
    "linked_triples",
    "pointer_labels",
    "pointer_spans",
    "spans_to_tags",
    "tag_set",
    "tags_to_spans",
    "text_spans",
    "text_triples",
    "token_spans",
    "token_triples",
    "triple_labels",
]
