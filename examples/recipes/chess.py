"""Chinese chess as a language: a model of games, to which nobody tells the rules, picks moves.

    python examples/recipes/chess.py                                        # games made up here
    python examples/recipes/chess.py --data qipu.json --config chinese_roberta/ --maxlen 256

A game is a text of moves such as "h2e2h9g7", one token a character; the model picks the legal move
that it finds the most probable (kexue.fm/archives/7877). `--data` has a JSON object with "iccs", a
list of moves, and "fen" a line, as github.com/bojone/gpt_cchess.
"""

import argparse
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import ops

from kerasx.data import sequence_padding
from kerasx.datasets.chess_games import generate_chess_games, legal_chess_moves, read_chess_games
from kerasx.layers import CrossEntropy
from kerasx.models import bert_config, build_transformer_model
from kerasx.text import text_table
from kerasx.tokenizers import load_vocab

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--config", help="folder of a pretrained BERT; from scratch by default")
parser.add_argument("--data", help="file of games; games made up here by default")
parser.add_argument("--games", type=int, default=2000, help="made-up ones to learn from")
parser.add_argument("--epochs", type=int, default=6)
parser.add_argument("--hidden-size", type=int, default=96, help="from scratch")
parser.add_argument("--maxlen", type=int, default=64, help="tokens; a move has four")
args = parser.parse_args()
keras.utils.set_random_seed(0)

# Data: [PAD] begins a game

made_up = args.games * 21 // 20
games = read_chess_games(args.data) if args.data else generate_chess_games(made_up, moves=6)
signs = ["[PAD]", *"0123456789abcdefghi"]
number = {sign: i for i, sign in enumerate(signs)}


def encode(moves):
    return [0, *(number[sign] for sign in "".join(moves))][: args.maxlen]


ids = sequence_padding([encode(game) for i, game in enumerate(games) if i % 21])
held_out = [game[: args.maxlen // 4 - 1] for game in games[::21]][:100]

# Model and training

kept = [load_vocab(args.config)[sign] for sign in signs] if args.config else None
config = args.config or bert_config(len(signs), args.hidden_size, 2, args.maxlen)
options = {"application": "lm", "with_mlm": "linear", "keep_tokens": kept, "segment_vocab_size": 0}
lm = build_transformer_model(config, **options)
model = keras.Model(lm.inputs, CrossEntropy(1, pad_id=0)([lm.inputs[0], lm.output]))
model.compile(keras.optimizers.Adam(2e-5 if args.config else 3e-3))
model.fit(ids, batch_size=32, epochs=args.epochs, verbose=2)

# Results: all moves of the sample as the next move of games held out


def log_probabilities(game, moves):
    """Return log p(move | game) of each move."""
    ids = np.array([[*encode(game), *encode([move])[1:]] for move in moves])
    log_p = ops.convert_to_numpy(ops.log_softmax(lm.predict(ids, verbose=0)[:, -5:-1]))
    return np.take_along_axis(log_p, ids[:, -4:, None], 2).sum((1, 2))


moves = np.array(sorted({move for game in games for move in game}))
rows, shares, first = [("game", "the model picks", "illegal moves before it")], [], 0
for *game, _ in held_out:
    scores = log_probabilities(game, moves)
    legal = np.isin(moves, legal_chess_moves(game))
    shares.append(np.mean(scores[legal][:, None] > scores[~legal]))
    best = scores[legal].max()
    rows.append((" ".join(game), moves[legal][scores[legal].argmax()], np.sum(scores > best)))
    first += scores.argmax() in np.flatnonzero(legal)
print("\n" + text_table(rows[:9]))
print(f"\na legal move is more probable than an illegal one: {np.mean(shares):.1%} of all pairs")
print(f"the most probable move is legal in {first} of {len(held_out)} games held out")
