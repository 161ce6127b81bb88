"""The example finds a text of a file by a query of other words, and draws the plan."""

from kerasx.datasets import generate_paraphrases
from tests.examples.runner import run_example


def test_the_text_itself_is_found_at_distance_zero(tmp_path):
    texts = [pair.first for pair in generate_paraphrases(80)]
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    arguments = ("--data", path, "--query", texts[3], "--k", "3", "--save", tmp_path / "run")
    out = run_example("sentence_search.py", *arguments)
    nearest = out.split("WRD     text\n")[1].split("\n")[0]
    assert nearest.split("  ") == ["0.0000", texts[3]]
    assert (tmp_path / "run" / "plan-0.png").read_bytes().startswith(b"\x89PNG")
