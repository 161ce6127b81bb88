"""Serve a corpus as rows of one length, in an order that needs no memory."""

import hashlib
import json
import os

import numpy as np

from kerasx.checks import check_choice, check_integer, invalid
from kerasx.data.corpus_files import SPECIALS, open_corpus, vocabulary_digest
from kerasx.data.packing import CutRows, PackedRows
from kerasx.data.permutation import permuted


class PackedCorpus:
    """The rows of a corpus that `write_corpus` wrote: `len(corpus)` rows of `length` tokens.

    The arrays are mapped into memory, not read, so that memory does not depend on the size of the
    corpus. It has the attributes `vocab_size`, `pad_id`, `unk_id`, `mask_id`, `start_id`, `end_id`
    of the tokenizer.

    Args:
        folder: folder of the corpus.
        length: tokens of a row, special tokens included.
        mode: "cut" joins the documents and cuts them at the end of a row: no padding; the rest at
            the end of the corpus, shorter than a row, is left out. "packed" keeps documents whole
            and packs them by best fit; longer ones are cut, and rows end in padding.
        edges: "row" puts the start and end ids around each row ([CLS] and [SEP]), "document"
            around each document, and when packed around each piece of a document; None nowhere.
        start, end: False to leave out the start or the end id.
        pad_id: id of the padding; None for the tokenizer's.
        tokenizer: check that the corpus is of the vocabulary of this tokenizer.

    Raises:
        ValueError: no corpus, a damaged one, or of another vocabulary; fewer tokens than a row has;
            mode="packed" for a tokenizer without padding, and no `pad_id`.

    >>> import tempfile
    >>> from kerasx.data import write_corpus
    >>> from kerasx.tokenizers import Tokenizer, character_vocab
    >>> folder = tempfile.mkdtemp()
    >>> path = os.path.join(folder, "texts.txt")
    >>> with open(path, "w", encoding="utf-8") as file:
    ...     _ = file.write("今天天气很好\\n\\n明天见")
    >>> tokenizer = Tokenizer(character_vocab(["今天天气很好明天见"]))
    >>> _ = write_corpus(path, folder, tokenizer, verbose=0)
    >>> corpus = PackedCorpus(folder, length=12, mode="packed", edges="document")
    >>> rows = corpus.rows([0])
    >>> rows["words"].tolist()
    [[0, 1, 1, 1, 1, 2, 3, 0, 0, 0, 0, 0]]
    """

    def __init__(
        self,
        folder,
        length,
        mode="cut",
        edges="row",
        start=True,
        end=True,
        pad_id=None,
        tokenizer=None,
    ):
        self._arguments = folder, length, mode, edges, start, end, pad_id
        facts, self._ids, self._starts, bounds = open_corpus(folder)
        if tokenizer is not None and facts["vocabulary"] != vocabulary_digest(tokenizer):
            raise invalid(
                "`tokenizer` must have the vocabulary that the corpus was written with.",
                folder=os.fspath(folder),
            )
        self.tokens, self.documents = facts["tokens"], facts["documents"]
        self.vocab_size = facts["vocab_size"]
        for name in SPECIALS:
            setattr(self, name, facts[name])
        self.pad_id = self.pad_id if pad_id is None else check_integer("pad_id", pad_id, least=0)
        self.length = check_integer("length", length, least=1)
        self.mode = check_choice("mode", mode, ("cut", "packed"))
        self.edges = check_choice("edges", edges, ("row", "document", None))
        before = self.start_id if start and edges else None
        after = self.end_id if end and edges else None
        self._row_edges = (before, after) if edges == "row" else (None, None)
        self._document_edges = (before, after) if edges == "document" else (None, None)
        options = [facts["digest"], self.length, mode, before, after, edges, self.pad_id]
        self._digest = hashlib.sha256(json.dumps(options).encode()).hexdigest()
        self._rows = self._divided(folder, bounds)

    def _divided(self, folder, bounds):
        """Return the plan of the rows."""
        outside = sum(x is not None for x in self._row_edges)
        before, after = (int(x is not None) for x in self._document_edges)
        capacity = self.length - outside
        check_integer("length", self.length, least=outside + before + after + 1)
        if self.mode == "packed":
            if self.pad_id is None:
                raise invalid('`pad_id` must be given for mode="packed".', pad_id=None)
            return PackedRows(folder, self._digest[:16], bounds, capacity, before + after)
        rows = CutRows(bounds, capacity, before, after)
        if not rows.rows:
            raise invalid(
                "`length` must be at most that of the corpus.",
                length=self.length,
                tokens=self.tokens,
            )
        return rows

    def __len__(self):
        return self._rows.rows

    def __reduce__(self):
        return PackedCorpus, self._arguments  # another process maps the files anew

    def digest(self):
        """Return a str that tells corpus and options from others; no file is read for it."""
        return self._digest

    def order(self, places, epoch=0, seed=0):
        """Return which rows stand at some places of the order of an epoch.

        Args:
            places: integers in [0, len(corpus)), of any shape.
            epoch, seed: non-negative ints.

        Returns:
            int64 array of the shape of `places`.
        """
        return permuted(places, len(self), (seed, epoch))

    def rows(self, numbers):
        """Read rows.

        Args:
            numbers: integers (b,) in [0, len(corpus)).

        Returns:
            Dict of int32 arrays (b, length): "token_ids"; "words", for each token the number of
            its word in the row, from 1, and 0 for special tokens and padding; "documents", the
            number of its document in the row, from 1, and 0 for padding.
        """
        numbers = np.asarray(numbers)
        if numbers.ndim != 1 or (numbers < 0).any() or (numbers >= len(self)).any():
            raise invalid(f"`numbers` must be integers in [0, {len(self)}).", numbers=numbers)
        shape = (len(numbers), self.length)
        token_ids = np.full(shape, self.pad_id or 0, "int32")
        begins, is_text = np.zeros(shape, "int32"), np.zeros(shape, "int32")
        documents = np.zeros(shape, "int32")
        for row in zip(numbers.tolist(), token_ids, begins, is_text, documents):
            self._fill(*row)
        for mapped in filter(None, (self._ids, self._starts, self._rows)):
            mapped.release()
        words = np.cumsum(begins, axis=1, dtype="int32") * is_text
        return {"token_ids": token_ids, "words": words, "documents": documents}

    def _fill(self, number, token_ids, begins, is_text, documents):
        (first, last), (before, after) = self._row_edges, self._document_edges
        place = 0

        def put(token, document):
            nonlocal place
            if token is not None:
                token_ids[place], documents[place] = token, document
                place += 1

        put(first, 1)
        pieces = self._rows.pieces(number)
        for document, (start, stop, opens, closes) in enumerate(pieces, 1):
            put(before if opens else None, document)
            text = slice(place, place + stop - start)
            token_ids[text] = self._ids.array[start:stop]
            begins[text] = 1 if self._starts is None else self._starts.array[start:stop]
            begins[place : place + (stop > start)] = 1  # also within a word that is cut
            is_text[text], documents[text] = 1, document
            place = text.stop
            put(after if closes else None, document)
        put(last, len(pieces))
