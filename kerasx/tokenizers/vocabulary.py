"""Read, write and make vocabularies: files with one token a line, whose number is the id."""

import codecs
import logging
import os
from collections import Counter
from copy import copy

from kerasx.checks import check_choice, invalid
from kerasx.files import read_lines
from kerasx.files.atomic import atomic_path
from kerasx.tokenizers.characters import CharacterTable, is_redundant, is_special, normalize

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


class Vocabulary(dict):
    """A dict from tokens to ids that also knows the ids of tokens on several lines of a file.

    Attributes:
        repeated: dict from the other ids of such tokens, which no text has, to the tokens.

    >>> vocabulary = Vocabulary({"a": 2, "b": 1})
    >>> vocabulary.repeated[0] = "a"
    >>> check_token_dict(vocabulary)
    ['a', 'b', 'a']
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.repeated = {}


def load_vocab(dict_path, encoding="utf-8", simplified=False, startswith=None, duplicates="last"):
    r"""Read a vocabulary file as a dict from tokens to ids; the id is the line number, from 0 on.

    A token is a whole line. Lines end with "\n" or "\r\n" only, since the Chinese BERT vocabulary
    has U+2028 as a token. A byte order mark at the start and blank lines at the end of the file are
    no tokens; another blank line is the token "", which has an id but is never produced.

    Args:
        dict_path: the file; or a model's folder or configuration file, for the vocab.txt there.
        encoding: encoding of the file.
        simplified: leave out tokens that WordPiece never produces, such as "##中" or "...".
        startswith: with `simplified`, tokens that come first, such as ["[PAD]", "[UNK]", "[CLS]",
            "[SEP]"]; other tokens in brackets are left out, as in bert4keras.
        duplicates: of a token on several lines, "last" takes the last line as its id, as
            transformers does, and logs the lines once; "raise" refuses the file.

    Returns:
        token_dict; with `simplified`, (token_dict, keep_tokens), where keep_tokens[new id] = old
        id, for `build_transformer_model(keep_tokens=...)`.

    Raises:
        ValueError: with "raise", a token on two lines, which are named; a file that is not text in
            this encoding; or a token in `startswith` that the vocabulary lacks.

    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "vocab.txt")
    >>> save_vocab(path, {"[UNK]": 0, "好": 1, "##好": 2})
    >>> load_vocab(path), load_vocab(path, simplified=True, startswith=["[UNK]"])
    ({'[UNK]': 0, '好': 1, '##好': 2}, ({'[UNK]': 0, '好': 1}, [0, 1]))
    """
    check_choice("duplicates", duplicates, ("last", "raise"))
    path = _vocab_file(os.fspath(dict_path))
    token_dict, twice = Vocabulary(), []
    for number, token in enumerate(_read_lines(path, encoding)):
        if token in token_dict:
            twice.append(f"{token!r} on lines {token_dict[token] + 1} and {number + 1}")
            token_dict.repeated[token_dict[token]] = token
        token_dict[token] = number
    if twice and duplicates == "raise":
        raise ValueError(
            "`dict_path` must name each token once: the line number is the id. "
            f"Received: {twice[0]} of {path!r}"
        )
    if twice:
        shown = ", ".join(twice[:10]) + (", ..." if twice[10:] else "")
        logging.getLogger("kerasx").warning(
            "%s names tokens twice; their last line is their id: %s", path, shown
        )
    return simplify_vocab(token_dict, startswith) if simplified else token_dict


def _vocab_file(path):
    """Return the path of vocab.txt in a folder or beside a .json file; else the path itself."""
    if os.path.isdir(path):
        return os.path.join(path, "vocab.txt")
    return os.path.join(os.path.dirname(path), "vocab.txt") if path.endswith(".json") else path


def simplify_vocab(token_dict, startswith=None):
    """Remove the tokens that WordPiece never produces from a vocabulary.

    Args:
        token_dict: dict from tokens to ids.
        startswith: tokens that come first and are always kept.

    Returns:
        (token_dict, keep_tokens): the new dict, and keep_tokens[new id] = old id.

    >>> simplify_vocab({"[PAD]": 0, "好": 1, "##好": 2, "ing": 3, "##ing": 4}, ["[PAD]"])
    ({'[PAD]': 0, '好': 1, 'ing': 2, '##ing': 3}, [0, 1, 3, 4])
    """
    first = list(startswith or ())
    missing = [token for token in first if token not in token_dict]
    if missing or len(set(first)) != len(first):
        raise invalid(
            "`startswith` must hold tokens of the vocabulary, each once.",
            startswith=first,
            missing=missing,
        )
    rest = sorted(token_dict.keys() - set(first), key=token_dict.get)
    tokens = first + [token for token in rest if not is_redundant(token)]
    return {token: i for i, token in enumerate(tokens)}, [token_dict[token] for token in tokens]


def save_vocab(dict_path, token_dict, encoding="utf-8"):
    """Write a vocabulary file, which `load_vocab` reads back exactly.

    Args:
        dict_path: the file; it is replaced once the new one is complete.
        token_dict: dict from tokens to the ids 0..n-1.
        encoding: encoding of the file.

    Raises:
        ValueError: the ids are not 0..n-1, or a token cannot be written as one line.
    """
    tokens = check_token_dict(token_dict)
    for i, token in enumerate(tokens):
        is_lost = not token and i == len(tokens) - 1
        is_mark = i == 0 and token[:1] == "\ufeff"
        if "\n" in token or token[-1:] == "\r" or is_mark or is_lost:
            raise invalid("`token_dict` must hold tokens of one line each.", token=token)
    data = "".join(token + "\n" for token in tokens).encode(encoding)
    with atomic_path(dict_path) as temporary, open(temporary, "wb") as writer:
        writer.write(data)


def check_token_dict(token_dict):
    """Return the tokens in the order of their ids; raise unless the ids are 0..n-1."""
    by_id = {**getattr(token_dict, "repeated", {}), **{i: t for t, i in token_dict.items()}}
    tokens = [by_id.get(i) for i in range(len(by_id))]
    if None in tokens or len(by_id) < len(token_dict):
        raise invalid(
            "`token_dict` must map its n tokens onto the ids 0..n-1.",
            n=len(token_dict),
            missing=[i for i, token in enumerate(tokens) if token is None][:1],
        )
    return tokens


def character_vocab(texts, min_count=1, specials=SPECIAL_TOKENS):
    """Make a vocabulary of the characters of a corpus, for a model trained from scratch.

    Texts are normalized as by `Tokenizer(..., do_lower_case=True)`. ASCII letters and digits are
    added as "1" and as "##1", so that this tokenizer can spell any word and number.

    Args:
        texts: iterable of str.
        min_count: characters with a lower count are left out.
        specials: tokens that come first.

    Returns:
        Dict from tokens to ids.

    >>> list(character_vocab(["鸡12"]))[5:]
    ['1', '2', '鸡', '##1', '##2']
    """
    texts = (normalize(text, CharacterTable(lower=True, spaced=False)) for text in texts)
    counts = Counter(c for text in texts for c in text if c != " ")
    characters = sorted(c for c, count in counts.items() if count >= min_count)
    pieces = [f"##{c}" for c in characters if c.isascii() and c.isalnum()]
    return {token: i for i, token in enumerate([*specials, *characters, *pieces])}


def word_vocab(texts, cut, min_count=2):
    """Make a vocabulary of the characters and the frequent words of a corpus.

    Args:
        texts: iterable of str.
        cut: function from a text to its words, such as `jieba_cut`; to be the `pre_tokenize` of
            the `Tokenizer` as well. It gets the texts as this tokenizer normalizes them.
        min_count: words with a lower count are left out; all characters are kept.

    Returns:
        Dict from tokens to ids, which begins as `character_vocab(texts)`.

    >>> list(word_vocab(["图像 检索", "图像"], str.split))[-2:]
    ['索', '图像']
    """
    table = CharacterTable(lower=True, spaced=False)
    texts = [normalize(text, table) for text in texts]
    vocabulary = character_vocab(texts)
    counts = Counter(word for text in texts for word in cut(text))
    frequent = (w for w, count in counts.items() if count >= min_count and w not in vocabulary)
    words = [word for word in frequent if word.strip() and word[:2] != "##"]
    return {**vocabulary, **{word: len(vocabulary) + i for i, word in enumerate(words)}}


def load_words(path, min_count=1, limit=None, encoding="utf-8", errors="raise"):
    """Read words from a file of lines "word<TAB>count", "word count ..." or "word".

    Args:
        path: the file, such as jieba's dictionary or the word counts of a corpus.
        min_count: words with a lower count are left out; words without a count are kept.
        limit: largest number of words, the most frequent first; None for all, in file order.
        encoding: encoding of the file.
        errors: "raise" stops at a line whose count is no whole number; "skip" leaves these lines
            out and warns once, see `kerasx.files.read_lines`.

    Returns:
        List of str.

    Raises:
        ValueError: a bad line, named by `path:line`; with "skip" more than 1 % of them; no words.
    """
    counts = {}
    for word, count in read_lines(path, _word_and_count, errors, encoding):
        counts[word] = max(counts.get(word, 0), min_count if count is None else count)
    words = [word for word, count in counts.items() if count >= min_count]
    return words if limit is None else sorted(words, key=counts.get, reverse=True)[:limit]


def _word_and_count(line):
    word, *fields = line.split("\t") if "\t" in line else line.split(" ")
    if not word.strip() or (fields and not fields[0].strip().isdecimal()):
        raise ValueError("must be a word and its count")
    return word, int(fields[0]) if fields else None


def extend_vocab_with_words(token_dict, words, tokenizer, cut=None):
    """Add words to a character vocabulary, as WoBERT does to that of BERT.

    With `build_transformer_model(compound_tokens=compound_tokens)` the embedding of a new word
    starts as the mean of the embeddings of its pieces. Words are normalized by the tokenizer; words
    in the vocabulary and repeated words are passed over. Markers such as "[E1]" are added as they
    are, to be named in `Tokenizer(additional_special_tokens=...)`.

    Args:
        token_dict: dict from tokens to ids.
        words: the new words, in the order of their ids.
        tokenizer: a `Tokenizer` over `token_dict` without `pre_tokenize`.
        cut: function from a text to its words that is to be the `pre_tokenize`, such as
            `JiebaCut(words)`: a word that it cuts into several is refused. None to check nothing.

    Returns:
        (token_dict, compound_tokens): the extended dict, and for each new word the list of the ids
        of its pieces.

    Raises:
        ValueError: words that can never be tokens, with the reason: they have spaces or no
            characters after normalization, begin with "##", or are cut into several.

    Source: WoBERT, kexue.fm/archives/7758.

    >>> from kerasx.tokenizers import Tokenizer
    >>> token_dict = {t: i for i, t in enumerate(["[UNK]", "[CLS]", "[SEP]", "北", "京"])}
    >>> extend_vocab_with_words(token_dict, ["北京", "北"], Tokenizer(token_dict))[1]
    [[3, 4]]
    """
    if token_dict != tokenizer.token_dict or tokenizer._pre_tokenize is not None:
        raise invalid(
            "`tokenizer` must be a Tokenizer over `token_dict` without pre_tokenize.",
            vocab_size=tokenizer.vocab_size,
            tokens=len(token_dict),
            pre_tokenize=tokenizer._pre_tokenize,
        )
    table = CharacterTable(tokenizer._do_lower_case, spaced=False)
    extended, compound_tokens, refused = copy(token_dict), [], {}
    for word in filter(None, words):
        form = word if is_special(word) else normalize(word, table).strip()
        reason = _reason(form, cut)
        if form in extended:
            continue
        if reason is None:
            extended[form] = tokenizer.vocab_size + len(compound_tokens)
            compound_tokens.append(tokenizer._text_ids(form))
        else:
            refused[word] = reason
    if refused:
        raise invalid(
            "`words` must be words that can be tokens: leave these out, or change them.",
            refused=refused,
        )
    return extended, compound_tokens


def _reason(word, cut=None):
    """Return why a normalized word can never be a token; None if it can."""
    if not word.strip():
        return "no characters"
    if word[:2] == "##" and len(word) > 2:
        return "## marks the rest of a word"
    if " " in word and cut is None and not is_special(word):
        return "words are split at spaces"
    found = [word] if cut is None or is_special(word) else list(cut(word))
    return None if found == [word] else f"it is cut into {found}"


def _read_lines(path, encoding):
    with open(path, "rb") as reader:
        data = reader.read()
    try:
        text = data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"`encoding` must be that of the file {os.fspath(path)!r}. "
            f"Received: encoding={codecs.lookup(encoding).name!r} ({error})"
        ) from error
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines
