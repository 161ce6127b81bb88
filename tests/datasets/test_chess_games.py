"""Chinese chess: files are read, and pieces move by the rules."""

import pytest

from kerasx.datasets.chess_games import generate_chess_games, legal_chess_moves, read_chess_games

pytestmark = pytest.mark.backend_free


def test_numbers_of_moves_from_the_opening_are_the_known_ones():
    first = legal_chess_moves([])
    assert len(first) == 44
    # 1,920, and 6 that leave the king in danger of a cannon that took a horse
    assert sum(len(legal_chess_moves([move])) for move in first) == 1926


@pytest.mark.parametrize(
    ("game", "start", "ends"),
    [
        ([], "b2", "a2 b1 b3 b4 b5 b6 b9 c2 d2 e2 f2 g2"),  # a cannon jumps to take
        (["b0c2"], "b9", "a7 c7"),
        (["a3a4", "i6i5", "a4a5"], "a6", "a5"),
        (["e3e4", "e6e5", "e4e5", "a6a5", "e5e6", "a5a4"], "e6", "d6 e7 f6"),  # over the river
        (["c0e2", "c9e7", "e2g4", "a9a8"], "g4", "e2 i2"),  # elephants do not cross it
        (["d0e1", "a9a8"], "e1", "d0 d2 f2"),
        (["e3e4", "a9a8", "e0e1", "a8a9"], "e1", "d1 e0 e2 f1"),
        (["c3c4", "a9a8"], "b0", "a2 c2"),
        (["b2b1", "a9a8"], "b0", ""),  # a horse cannot jump
    ],
)
def test_a_piece_moves_as_it_must(game, start, ends):
    found = [move[2:] for move in legal_chess_moves(game) if move[:2] == start]
    assert sorted(found) == ends.split()


def test_made_up_games_are_legal_and_differ():
    games = generate_chess_games(30, moves=12)
    assert len({tuple(game) for game in games}) == 30
    assert generate_chess_games(5, moves=12) == games[:5]
    for game in games:
        assert len(game) == 12 or legal_chess_moves(game)
    others = generate_chess_games(5, moves=12, exclude=map(tuple, games))
    assert not {tuple(game) for game in others} & {tuple(game) for game in games}


def test_a_move_that_is_none_is_refused():
    with pytest.raises(ValueError, match="`game` must be a list of legal moves.*a0a9"):
        legal_chess_moves(["h2e2", "a0a9"])


def test_games_from_other_positions_are_left_out(tmp_path):
    path = tmp_path / "qipu.json"
    lines = ['{"iccs": ["h2e2"], "fen": ""}', '{"iccs": ["a0a1"], "fen": "9/9"}']
    path.write_text("\n".join(lines), "utf-8")
    assert read_chess_games(path) == [["h2e2"]]
    path.write_text('{"iccs": ["h2e2"]}\n', "utf-8")
    with pytest.raises(ValueError, match="qipu.json:1.*fen"):
        read_chess_games(path)
