"""The recipes run on their samples and learn something; the page lists each of them."""

import json
import re

import pytest

from kerasx.datasets import generate_paraphrases, generate_reviews
from kerasx.serve import WebServing
from tests.examples.runner import ROOT, run_example
from tests.tiny import save_tiny_bert

FOLDER = ROOT / "examples" / "recipes"
once = pytest.mark.once


def run(name, options="", **files):
    """Return what a recipe prints; the options are separated by spaces."""
    more = [str(x) for option, value in files.items() for x in (f"--{option}", *value)]
    return run_example(f"recipes/{name}.py", *options.split(), *more)


def numbers(pattern, text):
    """Return the numbers that the groups of a pattern find."""
    return [float(x) for x in re.search(pattern, text).groups()]


def learns(out):
    """Tell whether the loss of the last epoch that is printed is below that of the first."""
    losses = [float(x) for x in re.findall(r"- loss: (\S+)", out)]
    return losses[-1] < losses[0]


@once
def test_the_page_lists_every_recipe():
    page = (FOLDER / "README.md").read_text("utf-8")
    listed = set(re.findall(r"\]\((\w+)\.py\)", page))
    assert listed == {path.stem for path in FOLDER.glob("*.py")}


@once
@pytest.mark.parametrize("family", ["nezha_gen", "cpm", "gpt2_ml"])
def test_a_language_model_of_each_family_is_less_perplexed_and_continues_a_text(tmp_path, family):
    options = f"--family {family} --reviews 300 --epochs 2 --hidden-size 32 --samples 2"
    out = run("language_model", options, save=[tmp_path])
    before, after = numbers(r"held out: (\S+), after 2 epochs (\S+)", out)
    assert after < before / 2
    assert len(re.findall("^房间.", out, re.M)) == 2


@once
def test_a_class_changes_the_texts_of_a_language_model():
    out = run("conditional_language_model", "--reviews 300 --epochs 2 --hidden-size 32 --samples 2")
    (right,) = numbers(r"class\) for (\S+)% of 30 texts", out)
    assert learns(out) and right >= 30
    assert re.search(r"praise:\n  .+\n  .+\n\nblame:\n  .+\n  .+\n", out)


def test_captions_say_what_is_in_the_picture():
    out = run("image_caption", "--pictures 500 --epochs 6 --hidden-size 32")
    assert re.search("^[左右]边有一个[大小]的[红绿蓝黄]色(圆形|方形|三角形|十字)  ", out, re.M)
    (right,) = numbers(r"(\S+)% of 50 captions", out)
    assert learns(out) and right > 1.6


@once
def test_captions_are_learnt_from_coco_files(tmp_path):
    import keras
    import numpy as np

    names = [f"{i}.png" for i in range(12)]
    for i, name in enumerate(names):
        keras.utils.save_img(tmp_path / name, np.full((8 + i, 12, 3), 20.0 * i))
    images = [{"id": i, "file_name": name} for i, name in enumerate(names)]
    captions = [{"image_id": i, "caption": f"A grey {i % 2}."} for i in range(12)]
    path = tmp_path / "captions.json"
    path.write_text(json.dumps({"images": images, "annotations": captions}))
    options = "--size 16 --epochs 1 --hidden-size 16"
    assert "captions held out" in run("image_caption", options, data=[path], images=[tmp_path])


@once
def test_legal_moves_rank_above_illegal_ones():
    out = run("chess", "--games 300 --epochs 3 --hidden-size 32")
    (legal,) = numbers(r"illegal one: (\S+)% of all pairs", out)
    assert learns(out) and legal > 60


@once
@pytest.mark.parametrize("method", ["mlm", "seq2seq"])
def test_answers_are_found_in_one_of_several_passages(method):
    options = f"--method {method} --questions 110 --epochs 3 --hidden-size 32"
    out = run("searched_passages", options)
    exact, f1 = numbers(rf"{method}: (\S+)% of 11 answers exact, F1 (\S+)%", out)
    assert learns(out) and 0 <= exact <= f1


@once
def test_questions_are_asked_for_answers():
    out = run("question_answer_generation", "--questions 110 --epochs 3 --hidden-size 32")
    (rouge,) = numbers(r"ROUGE-L (\S+)%", out)
    assert learns(out) and 0 <= rouge <= 100


@once
def test_sentence_pairs_are_classified(tmp_path):
    path = tmp_path / "pairs.tsv"
    pairs = [(x.first, x.second) for x in generate_paraphrases(80)]
    lines = [f"{a}\t{b}{'吧' if i % 2 else '吗'}\t{i % 2}\n" for i, (a, b) in enumerate(pairs)]
    path.write_text("".join(lines), "utf-8")
    out = run("sentence_pairs", "--epochs 20 --hidden-size 32", data=[path, path])
    (right,) = numbers(r"(\S+)% of 80 pairs right", out)
    assert learns(out) and right > 80


def test_simbert_writes_and_ranks():
    out = run("simbert", "--pairs 200 --epochs 3 --hidden-size 32 --samples 8")
    (nearer,) = numbers(r"nearer than (\S+)% of", out)
    assert learns(out) and nearer > 30
    assert re.search(r"^\d\.\d{4}  \S", out, re.M)


@once
def test_simbert_is_served(monkeypatch):
    def answer_once(web):
        print(web.answer("GET", "/synonyms", {"text": "手机多少钱", "k": "2"}))

    monkeypatch.setattr(WebServing, "start", answer_once)
    options = "--pairs 20 --epochs 0 --hidden-size 16 --samples 4 --serve 8864"
    assert "{'code': 0, 'desc': 'succeeded', 'data': [[" in run("simbert", options)


@once
def test_masked_tokens_are_found_and_texts_sampled():
    out = run("masked_language_model", "--questions 200 --epochs 4 --hidden-size 32 --samples 2")
    (found,) = numbers(r"(\S+)% of \d+ tokens hidden", out)
    assert found > 5
    assert re.search("请问.+什么时候能到\n\n.+\n.+\n", out)


@once
def test_an_uncased_model_learns_upper_case():
    out = run("cased", "--texts 320 --epochs 3")
    assert numbers(r"\ncased +(\S+)\n", out) > [95.0] > numbers(r"\nuncased +(\S+)\n", out)


@once
def test_features_are_the_same_after_loading(tmp_path):
    out = run("extract_features", save=[tmp_path / "model"])
    assert out.endswith("loaded: 0.0e+00 apart\n")


@once
def test_a_shallow_model_takes_the_place_of_a_deep_one():
    out = run("theseus", "--problems 240 --deep 2 --hidden-size 32 --epochs 4 3 3")
    (right,) = numbers(r"shallow, 1 blocks +3 +(\S+)", out)
    assert right > 20  # 5 by chance


@once
def test_tricks_train_on_iflytek_files(tmp_path):
    rows = [{"label": str(x.sentiment), "sentence": x.text} for x in generate_reviews(60)]
    for name, part in (("train", rows[:40]), ("dev", rows[40:])):
        lines = [json.dumps(row) for row in part]
        (tmp_path / f"{name}.json").write_text("\n".join(lines))
    tricks = ["none", "fgm", "gradient_penalty", "vat"]
    data = [tmp_path / "train.json", tmp_path / "dev.json"]
    options = "--labelled 0.5 --epochs 1 --hidden-size 16"
    out = run("adversarial_training", options, trick=tricks, data=data)
    assert re.findall(r"^(\w+) +[\d.]+ +[\d.]+$", out, re.M) == tricks


@once
def test_attributions_add_up():
    out = run("integrated_gradients", "--reviews 200 --epochs 2 --hidden-size 32")
    found = re.findall(r"sum (\S+), difference of the scores (\S+)", out)
    assert len(found) == 2
    for total, difference in found:
        assert abs(float(total) - float(difference)) < 0.003


@once
def test_a_recipe_starts_from_a_pretrained_folder_and_a_file(tmp_path):
    pairs = generate_paraphrases(40)
    bert = save_tiny_bert(tmp_path / "bert", (x.first + x.second for x in pairs))
    path = tmp_path / "pairs.tsv"
    path.write_text("".join(f"{a}\t{b}\t{x // 2}\n" for a, b, x in pairs), "utf-8")
    out = run("sentence_pairs", "--epochs 1", config=[bert], data=[path, path])
    assert "40 pairs right" in out
