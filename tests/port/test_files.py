"""Files keep their bytes outside of what is changed; what the command line promises."""

import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasx.port.__main__ import main
from kerasx.port.rewriting import port
from kerasx.port.script import apply
from tests.port.test_rules import RULES

pytestmark = pytest.mark.backend_free
OLD = "from bert4keras.snippets import uniout  # 打印中文\nmodel.save_weights('模型.weights')\n"
NEW = "model.save_weights('模型.weights.h5')\n"


@pytest.mark.parametrize("name", RULES)
def test_only_the_edits_differ(name):
    before = RULES[name][0]
    ported = port(before)
    kept, end = [], 0
    for edit in ported.edits:
        kept.append(before[end : edit.start])
        end = edit.end
    rest = ported.text
    for piece in [*kept, before[end:]]:
        assert piece in rest
        rest = rest[rest.index(piece) + len(piece) :]
    assert apply(before, ported.edits) == ported.text


LINES = [
    "from bert4keras.backend import keras, K, align  # 后端",
    "from keras.layers import (Dense,\n    Lambda)",
    "模型 = keras.models.Model(x, y); 模型.save_weights('甲乙.weights')",
    "def 函数(x):\n\treturn [x, '''甲\n乙''']  # 注",
    "model.predict([[甲], [乙]])",
    "",
    "# 只有注释",
    "class 甲(Loss):\n    pass",
    "from bert4keras.layers import *",
    "s = '\\d' f'{x}'",
    "if x:\n    from bert4keras.snippets import uniout",
]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=8), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_line_ends_chinese_and_tabs_are_kept(lines, newline, closed):
    before = newline.join(line.replace("\n", newline) for line in lines) + newline * closed
    ported = port(before)
    assert port(ported.text).text == ported.text
    assert ported.text.count("\r") == ported.text.count(newline) * (newline == "\r\n")
    compile(ported.text, "ported", "exec")
    unchanged = [line for line in lines if "bert4keras" not in line and "(" not in line]
    assert all(line.replace("\n", newline) in ported.text for line in unchanged)


# rules within one another: {} is an expression that other rules change, too
EXPRESSIONS = [
    "x * K.random_binomial((1,), {})",
    "K.in_train_phase({}, x)",
    "K.in_test_phase(lambda: {}, alt=({}))",
    "bert.get_output_at({})",
    "({}).get_output_at(0)",
    "keras.backend.sum({})",
    "tf.keras.layers.Lambda(lambda x: {})(x)",
    "model.predict([[{}], np.array([{}])], workers=1)",
    "PiecewiseLinearLearningRate(tf.keras.optimizers.Adam(lr={}), {{1: {}}})",
    "tf.keras.optimizers.SGD({}, decay=1e-6, epsilon=None)",
    "self.add_weight('w', {}, initializer={})",
    "model.fit_generator({}, ({}), workers=2)",
    "keras.layers.Dense({}, 'gelu_erf', init=({}))",
]
HEAD = (
    "import tensorflow as tf\nimport keras, numpy as np\nfrom keras import backend as K\n"
    "from bert4keras.train import PiecewiseLinearLearningRate\n\n\n"
    "class A(keras.layers.Layer):\n    def call(self, x, mask=None):\n        return "
)
leaves = st.sampled_from(["x", "keras.backend.ones(3)", "m.save_weights(f'{keras.backend.x}_a')"])
nested = st.recursive(
    leaves,
    lambda inner: st.builds(
        lambda text, a, b: text.format(*[a, b][: text.replace("{{", "").count("{}")]),
        st.sampled_from(EXPRESSIONS),
        inner,
        inner,
    ),
    max_leaves=5,
)


@settings(max_examples=100, deadline=None)
@given(nested)
def test_one_run_is_enough_for_rules_within_one_another(expression):
    ported = port(f"{HEAD}{expression}\n").text
    compile(ported, "ported", "exec")
    assert port(ported).text == ported


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ("", "utf-8"),
        ("\ufeff", "utf-8"),
        ("# -*- coding: gbk -*-\n", "gbk"),
        ("#!/usr/bin/env python\n#! -*- coding:gb18030 -*-\n", "gb18030"),
        ("# -*- coding: utf-8 -*-\r\n", "utf-8"),
    ],
)
def test_encodings(tmp_path, head, encoding):
    path, out = tmp_path / "a.py", tmp_path / "b.py"
    path.write_bytes((head + OLD).encode(encoding))
    assert main([str(path), "-o", str(out)]) == 0
    assert out.read_bytes() == (head + NEW).encode(encoding)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"print 'hello'\n", ":1: not Python 3"),
        (b"x = 1\nexec 'x'\n", ":2: not Python 3"),
        ("x = '中文'\n".encode("gbk"), ""),
        ("\n\n\nx = '中文'\n".encode("gbk"), "coding: gbk"),
        (b"x = \0\n", ""),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, capsys, data, words):
    path, out = tmp_path / "a.py", tmp_path / "b.py"
    path.write_bytes(data)
    assert main([str(path), "-o", str(out)]) == 2
    shown = capsys.readouterr().err
    assert str(path) in shown and words in shown
    assert not out.exists()


def test_a_missing_file_is_an_error(tmp_path, capsys):
    assert main([str(tmp_path / "a.py")]) == 2
    assert "a.py" in capsys.readouterr().err


def test_report_and_exit_codes(tmp_path, capfd):
    path = tmp_path / "a.py"
    path.write_text(OLD, "utf-8")
    assert main([str(path)]) == 0
    shown = capfd.readouterr()
    assert shown.out == NEW
    assert f"{path}:2: '模型.weights' -> '模型.weights.h5'" in shown.err
    assert main([str(path), "--check"]) == 1
    assert main([str(path), "--diff"]) == 0
    assert "+model.save_weights('模型.weights.h5')" in capfd.readouterr().out
    assert path.read_text("utf-8") == OLD
    assert main([str(path), "-o", str(path)]) == 0
    assert path.read_text("utf-8") == NEW
    assert main([str(path), "--check"]) == 0
    path.write_text(RULES["gradient penalty"][0])
    capfd.readouterr()
    assert main([str(path), "-o", str(path)]) == 1
    assert "BY HAND: loss: The gradient inside a loss is gone." in capfd.readouterr().out


def test_a_folder_is_read_as_one(tmp_path, capsys):
    scripts, out = tmp_path / "scripts", tmp_path / "out"
    (scripts / "sub").mkdir(parents=True)
    (scripts / "train.py").write_text("import keras\nm.save_weights('a.h5')\n")
    (scripts / "sub" / "predict.py").write_text("import keras\nm.load_weights('../a.h5')\n")
    (scripts / "pretrained.py").write_text("import keras\nm.load_weights('old/b.h5')\n")
    (scripts / "finetune.py").write_text("import keras\nm.save_weights('new/b.h5')\n")
    (scripts / "old.py").write_text("print 1\n")
    (scripts / "bert4keras").mkdir()
    (scripts / "bert4keras" / "backend.py").write_text("import keras\n")
    (scripts / "bert4keras" / "layers.py").write_text("from bert4keras.backend import K\n")
    assert main([str(scripts), "-o", str(out)]) == 2
    assert (out / "train.py").read_text() == "import keras\nm.save_weights('a.weights.h5')\n"
    ported = (out / "sub" / "predict.py").read_text()
    assert ported == "import keras\nm.load_weights('../a.weights.h5')\n"
    written = sorted(path.name for path in out.iterdir())
    assert written == ["finetune.py", "pretrained.py", "sub", "train.py"]
    assert (out / "pretrained.py").read_text() == (scripts / "pretrained.py").read_text()
    assert main([str(scripts / "train.py"), "-o", str(out / "sub")]) == 0
    assert (out / "sub" / "train.py").exists()
    with pytest.raises(SystemExit):
        main([str(scripts)])


def test_notebooks_keep_their_other_cells(tmp_path):
    cells = [
        {"cell_type": "markdown", "source": ["from bert4keras 说明"]},
        {"cell_type": "code", "outputs": [1], "source": ["!pip install bert4keras\n", OLD]},
        {"cell_type": "code", "source": "%%bash\nls 'a.weights'"},
        {
            "cell_type": "code",
            "source": ["%matplotlib inline\n", "from bert4keras.backend import K"],
        },
        {"cell_type": "code", "source": ["not python at all"]},
    ]
    path, out = tmp_path / "a.ipynb", tmp_path / "b.ipynb"
    text = json.dumps({"cells": cells, "nbformat": 4}, ensure_ascii=False, indent=1)
    path.write_text(text + "\n", "utf-8")
    assert main([str(path), "-o", str(out)]) == 0
    cells[1]["source"] = ["!pip install bert4keras\n", NEW]
    cells[3]["source"][1] = "from kerasx.backend import K"
    wanted = json.dumps({"cells": cells, "nbformat": 4}, ensure_ascii=False, indent=1)
    assert out.read_text("utf-8") == wanted + "\n"


def test_cells_for_the_shell_hide_no_others(tmp_path):
    before = [
        "%%time\nfrom bert4keras.backend import K\n",
        "files = !ls\nx = ('%s'\n  % files)\nfrom bert4keras.backend import keras",
        "if x:\n    !pip install \\\n  keras\nkeras.layers?\nm.save_weights('甲')\n",
        "%%bash\nls 'a.weights'",
        "print 1",
    ]
    cells = [{"cell_type": "code", "source": text} for text in before]
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"cells": cells}), "utf-8")
    assert main([str(path), "-o", f"{tmp_path}/new/"]) == 0
    written = json.loads((tmp_path / "new" / "a.ipynb").read_text("utf-8"))["cells"]
    after = [text.replace("bert4keras", "kerasx").replace("甲", "甲.weights.h5") for text in before]
    assert [cell["source"] for cell in written] == after


@pytest.mark.parametrize("text", ['{"cells": [', "[]", '{"cells": null}', "", '{"worksheets": []}'])
def test_a_broken_notebook_is_named(tmp_path, capsys, text):
    path = tmp_path / "a.ipynb"
    path.write_text(text)
    assert main([str(path), "-o", str(tmp_path / "b.ipynb")]) == 2
    assert "must be JSON with `cells`" in capsys.readouterr().err


def test_what_python_cannot_hold_is_named(tmp_path, capsys):
    path = tmp_path / "a.py"
    path.write_text(f"import keras\nx = {'+'.join(['a'] * 5000)}\n")
    assert main([str(path), "--check"]) == 2
    assert "nested too deeply" in capsys.readouterr().err


def test_folders_with_odd_entries(tmp_path, capsys, monkeypatch):
    (tmp_path / "in" / "b.py").mkdir(parents=True)
    (tmp_path / "in" / "a.py").write_text(OLD, "utf-8")
    (tmp_path / "in" / "gone.py").symlink_to("nowhere.py")
    (tmp_path / "in" / "loop").symlink_to(tmp_path)
    for _ in range(2):  # what was written is not read
        assert main([f"{tmp_path}/in", "-o", f"{tmp_path}/in/out"]) == 2
    assert "gone.py" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "in" / "out").iterdir()] == ["a.py"]
    (tmp_path / "in" / "gone.py").unlink()
    assert main([f"{tmp_path}/in", "-o", f"{tmp_path}/in"]) == 0
    assert (tmp_path / "in" / "a.py").read_text("utf-8") == NEW


def test_a_folder_without_permission_is_named(tmp_path, monkeypatch, capsys):
    def walk(folder, onerror):
        onerror(PermissionError(13, "Permission denied", str(tmp_path / "secret")))
        return iter([(folder, [], [])])

    (tmp_path / "secret").mkdir()
    monkeypatch.setattr("os.walk", walk)
    assert main([str(tmp_path), "--check"]) == 2
    assert "secret" in capsys.readouterr().err


def test_the_module_runs_and_loads_no_keras(tmp_path):
    path = tmp_path / "a.py"
    path.write_text(OLD, "utf-8")
    code = (
        "import runpy, sys\n"
        f"sys.argv = ['port', {str(path)!r}, '-o', {str(path)!r}]\n"
        "try:\n    runpy.run_module('kerasx.port', run_name='__main__')\n"
        "except SystemExit as error:\n    print(error.code, 'keras' in sys.modules)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "0 False"
    assert path.read_text("utf-8") == NEW
