"""Read, write and make vocabularies: files with one token a line, whose number is the id."""

import codecs
import os
from collections import Counter

from kerasx.checks import invalid
from kerasx.files import read_lines
from kerasx.files.atomic import atomic_path
from kerasx.tokenizers.characters import CharacterTable, is_redundant, is_special, normalize

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_ADVICE = "One token a line, each once; the line number is the id."


def load_vocab(dict_path, encoding="utf-8", simplified=False, startswith=None):
    r"""Read a vocabulary file as a dict from tokens to ids; the id is the line number, from 0 on.

    A token is a whole line. Lines end with "\n" or "\r\n" only, since the Chinese BERT vocabulary
    has U+2028 as a token. A byte order mark at the start and the newline at the end of the file
    are no tokens; another blank line is the token "", which has an id but is never produced.

    Args:
        dict_path: the file; or a model's folder or configuration file, for the vocab.txt there.
        encoding: encoding of the file.
        simplified: leave out tokens that WordPiece never produces, such as "##中" or "...".
        startswith: with `simplified`, tokens that come first, such as ["[PAD]", "[UNK]", "[CLS]",
            "[SEP]"]; other tokens in brackets are left out, as in bert4keras.

    Returns:
        token_dict; with `simplified`, (token_dict, keep_tokens), where keep_tokens[new id] = old
        id, for `build_transformer_model(keep_tokens=...)`.

    Raises:
        ValueError: a token on two lines, which are named; a file that is not text in this encoding;
            or a token in `startswith` that the vocabulary lacks.

    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "vocab.txt")
    >>> save_vocab(path, {"[UNK]": 0, "好": 1, "##好": 2})
    >>> load_vocab(path), load_vocab(path, simplified=True, startswith=["[UNK]"])
    ({'[UNK]': 0, '好': 1, '##好': 2}, ({'[UNK]': 0, '好': 1}, [0, 1]))
    """
    token_dict, dict_path = {}, _vocab_file(os.fspath(dict_path))
    for number, token in enumerate(_read_lines(dict_path, encoding)):
        first = token_dict.setdefault(token, number)
        if first != number:
            raise ValueError(
                f"`dict_path` must name each token once. {_ADVICE} Received: "
                f"{token!r} on lines {first + 1} and {number + 1} of {os.fspath(dict_path)!r}"
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
    for token in tokens:
        if (
            "\n" in token
            or token[-1:] == "\r"
            or (token_dict[token] == 0 and token[:1] == "\ufeff")
        ):
            raise invalid("`token_dict` must hold tokens of one line each.", token=token)
    data = "".join(token + "\n" for token in tokens).encode(encoding)
    with atomic_path(dict_path) as temporary, open(temporary, "wb") as writer:
        writer.write(data)


def check_token_dict(token_dict):
    """Return the tokens in the order of their ids; raise unless the ids are 0..n-1."""
    tokens = sorted(token_dict, key=token_dict.get)
    wrong = [(t, token_dict[t]) for i, t in enumerate(tokens) if token_dict[t] != i]
    if wrong:
        raise invalid(
            "`token_dict` must map its n tokens onto the ids 0..n-1.", n=len(tokens), wrong=wrong[0]
        )
    return tokens


def character_vocab(texts, min_count=1, specials=SPECIAL_TOKENS):
    """Make a vocabulary of the characters of a corpus, for a model trained from scratch.

    ASCII letters and digits are added as "1" and as "##1", so that `Tokenizer(...,
    do_lower_case=True)` can spell any word and number.

    Args:
        texts: iterable of str.
        min_count: characters with a lower count are left out.
        specials: tokens that come first.

    Returns:
        Dict from tokens to ids.

    >>> list(character_vocab(["鸡12"]))[5:]
    ['1', '2', '鸡', '##1', '##2']
    """
    counts = Counter(c for text in texts for c in text.lower() if not c.isspace())
    characters = sorted(c for c, count in counts.items() if count >= min_count)
    pieces = [f"##{c}" for c in characters if c.isascii() and c.isalnum()]
    return {token: i for i, token in enumerate([*specials, *characters, *pieces])}


def word_vocab(texts, cut, min_count=2):
    """Make a vocabulary of the characters and the frequent words of a corpus.

    Args:
        texts: iterable of str.
        cut: function from a text to its words, such as `jieba_cut`; to be the `pre_tokenize` of
            the `Tokenizer` as well.
        min_count: words with a lower count are left out; all characters are kept.

    Returns:
        Dict from tokens to ids, which begins as `character_vocab(texts)`.

    >>> list(word_vocab(["图像 检索", "图像"], str.split))[-2:]
    ['索', '图像']
    """
    texts = [text.lower() for text in texts]
    vocabulary = character_vocab(texts)
    counts = Counter(word for text in texts for word in cut(text) if not word.isspace())
    words = [w for w, count in counts.items() if count >= min_count and w not in vocabulary]
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


def extend_vocab_with_words(token_dict, words, tokenizer):
    """Add words to a character vocabulary, as WoBERT does to that of BERT.

    With `build_transformer_model(compound_tokens=compound_tokens)` the embedding of a new word
    starts as the mean of the embeddings of its pieces. Words are normalized by the tokenizer; words
    in the vocabulary, repeated words and words without characters left are ignored.

    Args:
        token_dict: dict from tokens to ids.
        words: the new words, in the order of their ids.
        tokenizer: a `Tokenizer` over `token_dict` without `pre_tokenize`.

    Returns:
        (token_dict, compound_tokens): the extended dict, and for each new word the list of the ids
        of its pieces.

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
    extended, compound_tokens = dict(token_dict), []
    for word in words:
        word = normalize(word, table).strip()
        pieces = tokenizer._text_ids(word)
        if word not in extended and pieces and not is_special(word):
            extended[word] = len(extended)
            compound_tokens.append(pieces)
    return extended, compound_tokens


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
    lines = text.removesuffix("\n").split("\n") if text else []
    return [line.removesuffix("\r") for line in lines]
