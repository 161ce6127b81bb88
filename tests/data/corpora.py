"""Small corpora for tests, and TFRecords by their wire format."""

import struct

from kerasx.data import write_corpus
from kerasx.data.corpus_files import open_corpus
from kerasx.files.checksum import masked_crc32c
from kerasx.files.protobuf import write_message, write_varint
from kerasx.tokenizers import Tokenizer, character_vocab

TEXTS = [
    "今天天气很好，我们去公园散步。",
    "研究生命的起源",
    "playing games with 中文 words",
    "明天见",
    "人工智能的发展很快，机器学习是其中的一部分。深度学习更是如此。",
]


def tokenizer(texts=TEXTS):
    vocabulary = character_vocab([*texts, "##ing##s"])
    for token in ("play", "##ing", "game", "##s", "words", "with"):
        vocabulary.setdefault(token, len(vocabulary))
    return Tokenizer(vocabulary, do_lower_case=True)


def save_texts(path, texts, separator="\n\n"):
    path.write_bytes(separator.join(texts).encode("utf-8"))
    return path


def save_corpus(folder, texts=TEXTS, tokens=None, **options):
    """Write a corpus of texts, one document each: (its folder, its tokenizer)."""
    folder.mkdir(exist_ok=True)
    path = save_texts(folder / "texts.txt", texts)
    tokens = tokens or tokenizer(texts)
    write_corpus(path, folder / "corpus", tokens, **{"verbose": 0, **options})
    return folder / "corpus", tokens


def example_of(lists, packed=True):
    """Return a `tf.train.Example` of integer lists as bytes."""
    entries = []
    for name, values in lists.items():
        numbers = b"".join(map(write_varint, values))
        if packed:
            integers = write_message((1, numbers))
        else:
            integers = b"".join(b"\x08" + write_varint(value) for value in values)
        feature = write_message((3, integers))
        entries.append((1, write_message((1, name.encode()), (2, feature))))
    return write_message((1, write_message(*entries)))


def record_of(data):
    """Return a record of a TFRecord file as bytes."""
    head = struct.pack("<Q", len(data))
    crcs = (struct.pack("<I", masked_crc32c([x])) for x in (head, data))
    return head + next(crcs) + data + next(crcs)


def arrays_of(folder):
    """Return (ids, word starts or None, bounds of the documents) of a corpus."""
    _, *maps = open_corpus(folder)
    return [None if mapped is None else mapped.array for mapped in maps]
