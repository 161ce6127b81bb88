"""Chinese chess: a reader of games, the rules by which pieces move, and games made up by them.

A move is a text such as "h2e2": columns a to i, rows 0 to 9 from red's side. A model that reads
games as text learns the rules (kexue.fm/archives/7877).
"""

from kerasx.checks import check_integer, invalid
from kerasx.datasets.draw import draw_distinct
from kerasx.files import read_jsonl

_COLUMNS = "abcdefghi"
_AROUND = ((1, 0), (-1, 0), (0, 1), (0, -1))
_DIAGONALS = ((1, 1), (1, -1), (-1, 1), (-1, -1))
_WORTH = " PAECHRK"  # pieces, the least first: a made-up game takes the best it can


def read_chess_games(path, errors="raise"):
    """Read the games of a file with a JSON object {"iccs": [moves], "fen": ...} on each line.

    Games that start from another position, which have a "fen", are left out.

    Args:
        path: a UTF-8 file, such as qipu.json of github.com/bojone/gpt_cchess.
        errors: as in `read_lines`.

    Returns:
        List of games, lists of moves.

    Raises:
        ValueError: as in `read_lines`.

    >>> import os, tempfile
    >>> with tempfile.NamedTemporaryFile(delete=False) as file:
    ...     _ = file.write(b'{"iccs": ["h2e2", "h9g7"], "fen": ""}\\n')
    >>> read_chess_games(file.name)
    [['h2e2', 'h9g7']]
    >>> os.unlink(file.name)
    """
    rows = read_jsonl(path, ("iccs", "fen"), errors)
    return [moves for moves, fen in rows if not fen]


def generate_chess_games(n, moves=8, seed=0, exclude=()):
    """Generate `n` games of random moves, half of which take the best piece that can be taken.

    The games depend on the arguments alone, and a shorter list is the start of a longer one.

    Args:
        n: int, the number of games.
        moves: int, the number of moves of a game, of both sides together; a game in which a king
            is taken ends there.
        seed: int.
        exclude: games (tuples of moves) that must not occur, such as those of a test set.

    Returns:
        List of lists of moves, no game twice.

    Raises:
        ValueError: a bad argument, or fewer than `n` new games can be made.

    >>> len(generate_chess_games(1, moves=3)[0])
    3
    """
    check_integer("moves", moves, least=1)
    return draw_distinct(n, seed, lambda draw: _draw_game(draw, moves), tuple, exclude, "games")


def legal_chess_moves(game):
    """List the moves by which a game may go on, by the ways of the pieces.

    Whether a king is left in danger is not looked at.

    Args:
        game: the moves so far, red's first.

    Returns:
        List of moves.

    Raises:
        ValueError: a move of the game is none.

    >>> len(legal_chess_moves([])), "b9c7" in legal_chess_moves(["h2e2"])
    (44, True)
    """
    board = _opening()
    for i, move in enumerate(game):
        if move not in _legal(board, i % 2 == 0):
            raise invalid("`game` must be a list of legal moves.", move=move, number=i)
        _make(board, move)
    return _legal(board, len(game) % 2 == 0)


def _draw_game(draw, moves):
    board, game = _opening(), []
    while len(game) < moves and sum(piece in "kK" for piece in board.values()) == 2:
        legal = _legal(board, len(game) % 2 == 0)
        worth = [_WORTH.index(board.get(_square(move[2:]), " ").upper()) for move in legal]
        least = draw.choice([0, max(worth)])
        game.append(draw.choice([m for m, w in zip(legal, worth) if w >= least]))
        _make(board, game[-1])
    return game


def _opening():
    """Return {(column, row): piece}, where red's pieces are in upper case."""
    half = {(x, 0): piece for x, piece in enumerate("RHEAKAEHR")}
    half |= {(x, 2): "C" for x in (1, 7)} | {(x, 3): "P" for x in range(0, 9, 2)}
    return half | {(x, 9 - y): piece.lower() for (x, y), piece in half.items()}


def _legal(board, red):
    """Return the moves of a side."""
    own = [square for square, piece in board.items() if piece.isupper() == red]
    return [
        _name(start) + _name(end)
        for start in sorted(own)
        for end in _ways(board, *start)
        if 0 <= end[0] < 9 and 0 <= end[1] < 10
        if end not in board or board[end].isupper() != red
    ]


def _ways(board, x, y):
    """Return the squares that a piece reaches, which may be off the board or its own side's."""
    red = board[x, y].isupper()
    ahead, home = (1, y < 5) if red else (-1, y > 4)  # home: on this side of the river
    palace = (0, 1, 2) if red else (7, 8, 9)
    match board[x, y].upper():
        case "R":
            return [end for step in _AROUND for end in _line(board, x, y, *step)]
        case "C":
            return [end for step in _AROUND for end in _line(board, x, y, *step, jumps=True)]
        case "H":  # a step to a free square, then one askew
            free = [(a, b) for a, b in _AROUND if (x + a, y + b) not in board]
            return [(x + 2 * a + s * b, y + 2 * b + s * a) for a, b in free for s in (1, -1)]
        case "E":
            free = [(a, b) for a, b in _DIAGONALS if (x + a, y + b) not in board]
            ends = [(x + 2 * a, y + 2 * b) for a, b in free]
            return [end for end in ends if (end[1] < 5) == red]
        case "P":
            return [(x, y + ahead)] + ([] if home else [(x - 1, y), (x + 1, y)])
        case kind:  # king and advisors stay in the palace
            ends = [(x + a, y + b) for a, b in (_AROUND if kind == "K" else _DIAGONALS)]
            return [end for end in ends if end[0] in (3, 4, 5) and end[1] in palace]


def _line(board, x, y, a, b, jumps=False):
    """Yield the squares along a line: free ones, and that of the first piece, or after a jump."""
    jumped = False
    while 0 <= (x := x + a) < 9 and 0 <= (y := y + b) < 10:
        taken = (x, y) in board
        if taken == jumped or not jumps:
            yield x, y
        if taken and (jumped or not jumps):
            return
        jumped = jumped or taken


def _make(board, move):
    board[_square(move[2:])] = board.pop(_square(move[:2]))


def _name(square):
    return _COLUMNS[square[0]] + str(square[1])


def _square(name):
    return _COLUMNS.index(name[0]), int(name[1])
