"""Tokenize many texts once, into files that are mapped into memory for pretraining."""

import functools
import hashlib
import json
import os
import sys
import time
from contextlib import ExitStack

import numpy as np

from kerasx.checks import check_integer, invalid
from kerasx.data.corpus_files import (
    DESCRIPTION,
    DOCUMENTS,
    FORMAT,
    IDS,
    STARTS,
    describe_tokenizer,
)
from kerasx.data.documents import DocumentReader
from kerasx.data.packing import remove_plans
from kerasx.data.parallel import apply_in_order, process_pool
from kerasx.data.word_starts import text_of_tokens, word_starts
from kerasx.files.atomic import replaced_together
from kerasx.files.lines import reason_of
from kerasx.tokenizers.words import jieba_cut

_TASK = 1 << 17  # characters or ids that a process tokenizes at a time
_WORDS = 1 << 17  # words whose ids are kept


def write_corpus(
    paths,
    folder,
    tokenizer,
    word_segment=jieba_cut,
    kind=None,
    documents="blocks",
    field=None,
    encoding="utf-8",
    workers=1,
    verbose=1,
):
    """Tokenize the texts of files, once, and write a corpus for `PackedCorpus`.

    The files may be larger than memory. Tokens are written without the special tokens around them,
    in 2 bytes each for a vocabulary of at most 65,536, with a byte that tells whether the token
    begins a word. A writer that is killed or fails leaves the old corpus, or none.

    Args:
        paths: path or list of paths. Files may be compressed by gzip. The end of the name tells
            text from JSON lines (.jsonl, .json) and TFRecords of bert4keras (.tfrecord), whose
            token ids must be of this tokenizer's vocabulary; of its copies of a corpus with
            different masks, one is enough.
        folder: path of the folder to write.
        tokenizer: tokenizer of kerasx, or an object with its methods.
        word_segment: function from a text to its words, for whole-word masking; None if each token
            is a word, as with WoBERT's tokenizer. It needs to pickle if there are workers.
        kind: "text", "jsonl" or "tfrecord" for all files, instead of by the names.
        documents: documents of plain text are "blocks" between blank lines, or "lines".
        field: key of the text on each line of a JSON file, "text" by default; key of the ids in a
            TFRecord, "token_ids" by default.
        encoding: of text and JSON lines, such as "gbk".
        workers: number of processes that tokenize; 1 uses this process. They may import the script,
            whose work must then stand under `if __name__ == "__main__":`.
        verbose: 1 shows the progress on stderr.

    Returns:
        Dict, the description of the corpus that also stands in its corpus.json.

    Raises:
        ValueError: undecodable text, bad JSON, a damaged file or record, a text that cannot be
            tokenized, an id outside of the vocabulary: names file and line, or record. Or no
            token in all files.

    >>> import tempfile
    >>> from kerasx.tokenizers import Tokenizer, character_vocab
    >>> folder = tempfile.mkdtemp()
    >>> path = os.path.join(folder, "texts.txt")
    >>> with open(path, "w", encoding="utf-8") as file:
    ...     _ = file.write("今天天气很好\\n\\n明天见")
    >>> tokenizer = Tokenizer(character_vocab(["今天天气很好明天见"]))
    >>> facts = write_corpus(path, os.path.join(folder, "corpus"), tokenizer, verbose=0)
    >>> facts["documents"], facts["tokens"]
    (2, 9)
    """
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    check_integer("workers", workers, least=1)
    reader = DocumentReader(paths, kind, documents, field, encoding)
    facts = {"format": FORMAT, **describe_tokenizer(tokenizer), "words": word_segment is not None}
    dtype = "uint16" if tokenizer.vocab_size <= 1 << 16 else "uint32"
    with ExitStack() as stack:
        temporary = stack.enter_context(replaced_together(folder))
        writer = stack.enter_context(_Writer(temporary, dtype, facts["words"]))
        start, pool = (tokenizer, word_segment, dtype), None
        if workers > 1:
            pool = process_pool(workers, _start_encoder, start)
            stack.callback(pool.shutdown, cancel_futures=True)
        encode = _Encoder(*start) if pool is None else _encode_there
        show = _progress(reader, verbose)
        for block in apply_in_order(encode, _tasks(reader), pool, 4 * workers):
            writer.write(*block)
            show(writer.tokens)
        if not writer.tokens:
            raise invalid("`paths` must hold at least one text with tokens.", paths=reader.paths)
        facts |= writer.finish()
        with open(temporary(DESCRIPTION), "w", encoding="utf-8") as file:
            json.dump(facts, file, indent=1)
    show(writer.tokens, end="\n")
    remove_plans(folder)
    return facts


class _Encoder:
    """Function from a list of `Part` to (ids, word starts or None, document starts)."""

    def __init__(self, tokenizer, word_segment, dtype):
        self.tokenizer, self.word_segment, self.dtype = tokenizer, word_segment, dtype
        self._word_ids = functools.lru_cache(_WORDS)(self._text_ids)

    def __call__(self, parts):
        ids, flags, starts, total = [], [], [], 0
        for part in parts:
            try:
                found, begins = self._encode(part.content)
            except ValueError as error:
                raise ValueError(f"{part.path}:{part.number}: {reason_of(error)}") from error
            if part.starts:
                starts.append(total)
            ids.append(np.asarray(found, "int64"))
            flags.append(begins)
            total += len(found)
        ids, words = np.concatenate(ids), self.word_segment is not None
        if total and ids.max() > np.iinfo(self.dtype).max:
            raise invalid(
                "`tokenizer` must have a vocab_size above all ids.",
                vocab_size=self.tokenizer.vocab_size,
                id=int(ids.max()),
            )
        return ids.astype(self.dtype), np.concatenate(flags) if words else None, starts

    def _encode(self, content):
        is_text = isinstance(content, str)
        ids = self._text_ids(content) if is_text else self._checked(content)
        if self.word_segment is None:
            return ids, None
        if not is_text:
            tokens = self.tokenizer.ids_to_tokens(ids)
            text, offsets = text_of_tokens(tokens)
            return ids, word_starts(text, offsets, self.word_segment(text))
        return ids, self._word_starts(content, ids)

    def _text_ids(self, text):
        ids = self.tokenizer.encode(text)[0]
        return ids[self._inner(ids)]

    def _inner(self, ids):
        """Return the slice of ids that leaves out the special tokens around them."""
        first = len(ids) > 0 and ids[0] == self.tokenizer.start_id
        last = len(ids) > first and ids[-1] == self.tokenizer.end_id
        return slice(int(first), len(ids) - last)

    def _word_starts(self, text, ids):
        """Tokenize word by word where this gives the same ids, else look the words up by offsets.

        The first is many times faster; the second is right for any tokenizer.
        """
        words = list(self.word_segment(text))
        pieces = [self._word_ids(word) for word in words]
        if [i for piece in pieces for i in piece] == ids:
            lengths = np.array([len(piece) for piece in pieces], "int64")
            begins = np.zeros(len(ids), "bool")
            begins[(np.cumsum(lengths) - lengths)[lengths > 0]] = True
            return begins
        tokens, offsets = self.tokenizer.tokenize_with_offsets(text)
        offsets = offsets[self._inner(self.tokenizer.tokens_to_ids(tokens))]
        if len(offsets) != len(ids):
            raise invalid(
                "`tokenizer` must give as many offsets as ids, for `word_segment`.",
                offsets=len(offsets),
                ids=len(ids),
            )
        return word_starts(text, offsets, words)

    def _checked(self, ids):
        """Return the ids of a record without padding and special tokens around them."""
        tokenizer = self.tokenizer
        if len(ids) and not 0 <= ids.min() <= ids.max() < tokenizer.vocab_size:
            raise invalid(
                f"The ids of a record must be in [0, {tokenizer.vocab_size}): is the tokenizer "
                "the one of the file?",
                least=int(ids.min()),
                most=int(ids.max()),
            )
        real = np.flatnonzero(ids != (-1 if tokenizer.pad_id is None else tokenizer.pad_id))
        ids = ids[: real[-1] + 1 if len(real) else 0].tolist()
        return ids[self._inner(ids)]


_encoder = None  # in a worker process


def _start_encoder(*arguments):
    global _encoder
    _encoder = _Encoder(*arguments)


def _encode_there(parts):
    return _encoder(parts)


class _Writer:
    """Writer of the arrays of a corpus, block by block."""

    def __init__(self, temporary, dtype, words):
        self.tokens, self.documents, self.dtype = 0, 0, np.dtype(dtype).newbyteorder("<")
        self._begun, self._digest = 0, hashlib.sha256()  # where the last document begins
        names = [IDS, DOCUMENTS, *[STARTS] * words]
        self._files = {name: open(temporary(name), "wb") for name in names}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for file in self._files.values():
            file.close()

    def write(self, ids, flags, starts):
        """Append a block of ids; documents without tokens are left out."""
        *done, self._begun = sorted({self._begun, *(self.tokens + start for start in starts)})
        self._documents(done)
        self._append(IDS, ids.astype(self.dtype))
        if flags is not None:
            self._append(STARTS, flags.astype("bool"))
        self.tokens += len(ids)

    def finish(self):
        """Write the bounds of the last document, and return the facts about the corpus."""
        self._documents([self._begun] if self._begun < self.tokens else [])
        self._append(DOCUMENTS, np.array([self.tokens], "<i8"))
        self.__exit__()
        facts = {"tokens": self.tokens, "documents": self.documents, "dtype": self.dtype.name}
        return facts | {"digest": self._digest.hexdigest()}

    def _documents(self, places):
        self._append(DOCUMENTS, np.array(places, "<i8"))
        self.documents += len(places)

    def _append(self, name, array):
        self._digest.update(array)
        self._files[name].write(array)


def _tasks(reader):
    """Yield lists of parts of about equal size."""
    parts, size = [], 0
    for part in reader:
        parts.append(part)
        size += len(part.content)
        if size >= _TASK:
            yield parts
            parts, size = [], 0
    if parts:
        yield parts


def _progress(reader, verbose):
    """Return a function of the tokens written so far that shows the progress twice a second."""
    begun = last = time.monotonic()

    def show(tokens, end=""):
        nonlocal last
        now = time.monotonic()
        if verbose and (end or now - last > 0.5):
            last, share = now, reader.done / max(reader.total, 1)
            speed = tokens / max(now - begun, 1e-9)
            text = f"{share:.0%} of {reader.total / 1e6:,.1f} MB: {tokens:,} tokens, {speed:,.0f}/s"
            print(f"\r{text}  ", end=end, file=sys.stderr, flush=True)

    return show
