"""Each rule of `kerasx.port` writes the expected text, and leaves the rest to a person."""

import pytest

from kerasx.port.rewriting import port

pytestmark = pytest.mark.backend_free
B = "from bert4keras.backend import keras, K\n"
KX = "from kerasx.backend import keras, K\n"

# name: (before, after, words of the notes that are by hand)
RULES = {
    "names in one module": (
        "from bert4keras.models import build_transformer_model, BERT as Base\n",
        "from kerasx.models import build_transformer_model, BERT as Base\n",
        [],
    ),
    "names that move to two modules": (
        "from bert4keras.backend import keras, K, batch_gather  # 后端\n",
        "from kerasx.backend import keras, K\nfrom kerasx.ops import batch_gather  # 后端\n",
        [],
    ),
    "names on lines of their own keep their comments": (
        "from bert4keras.backend import (  # all\n    K,  # 后端\n    align,\n    keras,\n)\n",
        "from kerasx.backend import (  # all\n    K,  # 后端\n    keras,\n)\n"
        "from kerasx.ops import (\n    align,\n)\n",
        [],
    ),
    "a backslash": (
        "from bert4keras.backend import K, \\\n    align, keras\n",
        "from kerasx.backend import K, \\\n    keras\nfrom kerasx.ops import align\n",
        [],
    ),
    "within a function": (
        "def f():\n    from bert4keras.backend import K, swish\n    return K, swish\n",
        "def f():\n    from kerasx.backend import K\n    from kerasx.ops import swish\n"
        "    return K, swish\n",
        [],
    ),
    "with a semicolon": (
        "import os; from bert4keras.backend import K, swish; x = 1\n",
        "import os; from kerasx.backend import K; from kerasx.ops import swish; x = 1\n",
        [],
    ),
    "uniout alone": (
        "import json\nfrom bert4keras.snippets import uniout  # 打印中文\nx = 1\n",
        "import json\nx = 1\n",
        [],
    ),
    "uniout in a list": (
        "from bert4keras.snippets import open, uniout, to_array\n",
        "from kerasx.snippets import open, to_array\n",
        [],
    ),
    "uniout in a try": (
        "try:\n    from bert4keras.snippets import uniout\nexcept ImportError:\n    pass\n",
        "try:\n    pass\nexcept ImportError:\n    pass\n",
        [],
    ),
    "a module under another name": (
        "import bert4keras.models as m\nm.build_transformer_model(x)\n",
        "import kerasx.models as m\nm.build_transformer_model(x)\n",
        [],
    ),
    "a module whose names are spread": (
        "from bert4keras import backend as b\nb.K.sum(b.swish(x))\n",
        "import kerasx\nfrom kerasx.backend import K\nK.sum(kerasx.ops.swish(x))\n",
        [],
    ),
    "the package": (
        "import bert4keras.layers\nbert4keras.layers.Loss\n",
        "import kerasx\nkerasx.layers.Loss\n",
        [],
    ),
    "a star brings names of Keras and NumPy": (
        "from bert4keras.layers import *\nx = Dense(2)(np.ones((1, 2)))\nclass L(Loss): pass\n",
        "import numpy as np\nfrom keras.layers import Dense\nfrom kerasx.layers import Loss\n"
        "x = Dense(2)(np.ones((1, 2)))\nclass L(Loss): pass\n",
        [],
    ),
    "of two stars the last one counts": (
        "from keras.layers import *\nfrom bert4keras.layers import *\nEmbedding(2, 3), Dense(2)\n",
        "from keras.layers import *\nfrom keras.layers import Dense\n"
        "from kerasx.layers import Embedding\nEmbedding(2, 3), Dense(2)\n",
        [],
    ),
    "a star for the custom objects": (
        "from bert4keras.layers import *  # 全部\nfrom keras.models import load_model\n",
        "import kerasx.layers  # 全部\nfrom keras.models import load_model\n",
        [],
    ),
    "custom objects": (
        "from bert4keras.layers import custom_objects\nfrom keras.models import load_model\n"
        "load_model('a.h5', custom_objects=custom_objects)\ncustom_objects['A'] = A\n",
        "from keras.models import load_model\nload_model('a.h5')\ncustom_objects['A'] = A\n",
        ["load_model finds them"],
    ),
    "modules by a star": (
        "from bert4keras.snippets import *\nm.save_weights(os.path.join(d, 'a.weights'))\n"
        "m.predict([[a], [b]])\nnp.zeros(2)\n",
        "import numpy as np\nimport os\nm.save_weights(os.path.join(d, 'a.weights.h5'))\n"
        "m.predict([np.array([a]), np.array([b])])\nnp.zeros(2)\n",
        [],
    ),
    "old modules": (
        "from bert4keras.bert import build_bert_model\nfrom bert4keras.tokenizer import Tokenizer\n"
        "from bert4keras.utils import load_vocab\n",
        "from kerasx.models import build_transformer_model as build_bert_model\n"
        "from kerasx.tokenizers import Tokenizer\nfrom kerasx.tokenizers import load_vocab\n",
        [],
    ),
    "a name that is gone": (
        "from bert4keras.layers import ZeroMasking, Loss\nx = 1\n",
        "from kerasx.layers import Loss\nx = 1\n",
        ["Multiply by the mask"],
    ),
    "optimizers around optimizers": (
        "from bert4keras.train import PiecewiseLinearLearningRate, GradientAccumulation\n"
        "from keras.optimizers import Adam\n"
        "a = PiecewiseLinearLearningRate(Adam(lr=1e-4), {1000: 1})\n"
        "b = GradientAccumulation(Adam(), steps_per_update=4)\nc = GradientAccumulation(a, 2)\n",
        "from keras.optimizers import Adam\n"
        "from kerasx.optimizers import extend_with_piecewise_linear_lr\n"
        "from kerasx.optimizers import extend_with_gradient_accumulation\n"
        "a = extend_with_piecewise_linear_lr(Adam)(learning_rate=1e-4, lr_schedule={1000: 1})\n"
        "b = extend_with_gradient_accumulation(Adam)(grad_accum_steps=4)\n"
        "c = GradientAccumulation(a, 2)\n",
        ["extend_with_gradient_accumulation(Adam)"],
    ),
    "what a star of Keras 2 brought": (
        "from keras.layers import *\nx = np.zeros(3) + K.floatx()\n",
        "from keras.layers import *\nfrom kerasx.backend import K\nimport numpy as np\n"
        "x = np.zeros(3) + K.floatx()\n",
        [],
    ),
    "v2 optimizers": (
        "from bert4keras.optimizers import extend_with_weight_decay_v2, Lion\n",
        "from kerasx.optimizers import extend_with_weight_decay as extend_with_weight_decay_v2\n"
        "from keras.optimizers import Lion\n",
        [],
    ),
    "Keras 2's files": (
        "from keras.engine import Layer\nfrom keras.engine.topology import InputSpec\n"
        "from keras.layers.core import Dense\nfrom keras.layers.normalization import "
        "BatchNormalization\nfrom keras.utils.np_utils import to_categorical\n",
        "from keras.layers import Layer\nfrom keras.layers import InputSpec\n"
        "from keras.layers import Dense\nfrom keras.layers import BatchNormalization\n"
        "from keras.utils import to_categorical\n",
        [],
    ),
    "np_utils": ("from keras.utils import np_utils\n", "from keras import utils as np_utils\n", []),
    "renamed layers and losses": (
        "from keras.layers import CuDNNLSTM, Dense\nfrom keras.losses import "
        "kullback_leibler_divergence as kld\n",
        "from keras.layers import LSTM as CuDNNLSTM, Dense\nfrom keras.losses import "
        "kl_divergence as kld\n",
        [],
    ),
    "tf.keras": (
        "from tensorflow.keras.layers import Dense\nfrom tensorflow.python.keras import layers\n"
        "import tensorflow.keras as keras\n",
        "from keras.layers import Dense\nfrom keras import layers\nimport keras\n",
        [],
    ),
    "uses of tf.keras": (
        "import tensorflow as tf\nx = tf.keras.layers.Dense(2)\n",
        "import tensorflow as tf\nimport keras\nx = keras.layers.Dense(2)\n",
        [],
    ),
    "K of Keras": (
        "import keras.backend as K\nfrom keras import backend as K\n"
        "from tensorflow.keras import backend as B, layers\n",
        "from kerasx.backend import K\nfrom kerasx.backend import K\n"
        "from kerasx.backend import K as B\nfrom keras import layers\n",
        [],
    ),
    "keras.backend in full": (
        "import keras\nx = keras.backend.sum(y) + keras.backend.floatx()\n",
        "import keras\nfrom kerasx.backend import K\nx = K.sum(y) + keras.backend.floatx()\n",
        [],
    ),
    "TF_KERAS": (
        "import os\nos.environ['TF_KERAS'] = '1'  # 必须使用tf.keras\nimport keras\n",
        "import os\nimport keras\n",
        [],
    ),
    "weights": (
        "import keras\nmodel.save_weights('best_model.weights')\nmodel.load_weights("
        '"./best_model.weights")\nif os.path.exists("best_model.weights"): pass\n',
        "import keras\nmodel.save_weights('best_model.weights.h5')\nmodel.load_weights("
        '"./best_model.weights.h5")\nif os.path.exists("best_model.weights.h5"): pass\n',
        [],
    ),
    "weights by a constant, a format, a join and an f-string": (
        "import keras, os\nPATH = 'a.h5'\nm.save_weights(PATH)\nm.load_weights(PATH)\n"
        "m.save_weights('b_%d.weights' % i)\nm.save_weights(os.path.join(d, 'c'))\n"
        "m.save_weights(f'{d}/d_{i}.weights')\nm.save_weights('e{}.h5'.format(i))\n",
        "import keras, os\nPATH = 'a.weights.h5'\nm.save_weights(PATH)\nm.load_weights(PATH)\n"
        "m.save_weights('b_%d.weights.h5' % i)\nm.save_weights(os.path.join(d, 'c.weights.h5'))\n"
        "m.save_weights(f'{d}/d_{i}.weights.h5')\nm.save_weights('e{}.weights.h5'.format(i))\n",
        [],
    ),
    "weights by an argument of a callback": (
        "import keras\nclass E(keras.callbacks.Callback):\n    def __init__(self, name):\n"
        "        self.name = name\n    def on_epoch_end(self, epoch):\n"
        "        self.model.save_weights(self.name)\ne = E('best.weights')\n",
        "import keras\nclass E(keras.callbacks.Callback):\n    def __init__(self, name):\n"
        "        self.name = name\n    def on_epoch_end(self, epoch):\n"
        "        self.model.save_weights(self.name)\ne = E('best.weights.h5')\n",
        [],
    ),
    "old weights are there already": (
        "import keras\nm.load_weights('old.h5')\nm.load_weights('old.weights')\n",
        "import keras\nm.load_weights('old.h5')\nm.load_weights('old.weights')\n",
        ["load_keras_weights(model, 'old.weights')"],
    ),
    "weights by a key, an option and a text in two parts": (
        "import keras\nc = {'path': 'a.weights'}\np.add_argument('--save-path', default='b.h5')\n"
        "m.save_weights(c['path'])\nm.save_weights(args.save_path)\n"
        "m.save_weights('c' '.weights')\n",
        "import keras\nc = {'path': 'a.weights.h5'}\n"
        "p.add_argument('--save-path', default='b.weights.h5')\n"
        "m.save_weights(c['path'])\nm.save_weights(args.save_path)\n"
        "m.save_weights('c' '.weights.h5')\n",
        [],
    ),
    "weights by names of layers": (
        "import keras\nm.load_weights('a.h5', by_name=True)\n",
        "import keras\nm.load_weights('a.h5', by_name=True)\n",
        ["load_keras_weights(model, path)"],
    ),
    "weights whose name is unknown": (
        "import keras\ndef f(m, path):\n    m.save_weights(path)\n",
        "import keras\ndef f(m, path):\n    m.save_weights(path)\n",
        ["must end in .weights.h5"],
    ),
    "whole models": (
        B + "model = keras.models.Model(x, y)\nmodel.save('test.model')\nmodel.save('a.h5')\n"
        "keras.models.load_model('test.model')\nword2vec.save('word2vec.model')\n",
        KX + "model = keras.models.Model(x, y)\nmodel.save('test.model.keras')\n"
        "model.save('a.h5')\nkeras.models.load_model('test.model.keras')\n"
        "word2vec.save('word2vec.model')\n",
        [],
    ),
    "ModelCheckpoint": (
        "from keras.callbacks import ModelCheckpoint\nModelCheckpoint('a.hdf5', "
        "save_weights_only=True, period=1)\nModelCheckpoint('b', monitor='val_loss')\n",
        "from keras.callbacks import ModelCheckpoint\nModelCheckpoint('a.weights.h5', "
        "save_weights_only=True)\nModelCheckpoint('b.keras', monitor='val_loss')\n",
        [],
    ),
    "learning rates": (
        B + "from bert4keras.optimizers import Adam, extend_with_weight_decay\n"
        "AdamW = extend_with_weight_decay(Adam, 'AdamW')\nsettings = {'lr': 1e-5}\n"
        "a = AdamW(lr=1e-5)\nb = keras.optimizers.SGD(lr=1e-3, decay=0.0)\nc = Adam(**settings)\n"
        "K.set_value(model.optimizer.lr, K.get_value(a.lr) * 0.5)\nplot(lr=3)\n",
        KX + "from kerasx.optimizers import Adam, extend_with_weight_decay\n"
        "AdamW = extend_with_weight_decay(Adam, 'AdamW')\nsettings = {'learning_rate': 1e-5}\n"
        "a = AdamW(learning_rate=1e-5)\nb = keras.optimizers.SGD(learning_rate=1e-3)\n"
        "c = Adam(**settings)\nK.set_value(model.optimizer.learning_rate, "
        "K.get_value(a.learning_rate) * 0.5)\nplot(lr=3)\n",
        [],
    ),
    "decay": (
        "from keras.optimizers import Adam\nAdam(1e-3, decay=1e-6)\n",
        "from keras.optimizers import Adam\nAdam(1e-3, decay=1e-6)\n",
        ["InverseTimeDecay"],
    ),
    "generators": (
        "import keras\nm.fit_generator(g, 10, epochs=3,\n    workers=4,  # 线程\n"
        "    callbacks=[e])\n"
        "m.evaluate_generator(generator=g, steps=3)\nm.predict_generator(g, 5, workers=1)\n",
        "import keras\nm.fit(g, steps_per_epoch=10, epochs=3,\n    callbacks=[e])\n"
        "m.evaluate(x=g, steps=3)\nm.predict(g, steps=5)\n",
        [],
    ),
    "arguments side by side": (
        "import keras\nm.fit(x, workers=1, max_queue_size=2,\n    use_multiprocessing=True)\n"
        "m.fit(\n    x,  # 数据\n    workers=1,  # 线程\n    max_queue_size=2\n)\n"
        "m.fit(workers=1, x=x)\nm.predict(x, workers=1, verbose=1)\n",
        "import keras\nm.fit(x)\nm.fit(\n    x,  # 数据\n)\nm.fit(x=x)\nm.predict(x, verbose=1)\n",
        [],
    ),
    "nested lists": (
        "import keras\nmodel.predict([[token_ids], [segment_ids]])\n"
        "model.predict([token_ids, segment_ids])\n",
        "import keras\nimport numpy as np\n"
        "model.predict([np.array([token_ids]), np.array([segment_ids])])\n"
        "model.predict([token_ids, segment_ids])\n",
        [],
    ),
    "an import that is wanted after one that is dropped": (
        "import keras\nfrom bert4keras.snippets import uniout\nmodel.predict([[a], [b]])\n",
        "import keras\nimport numpy as np\nmodel.predict([np.array([a]), np.array([b])])\n",
        [],
    ),
    "outputs": (
        "import keras\nx = bert.model.layers[-2].get_output_at(-1)  # 注\n",
        "import keras\nfrom kerasx.backend import output_at\n"
        "x = output_at(bert.model.layers[-2], -1)  # 注\n",
        [],
    ),
    "training phase and seeds": (
        B + "class L(keras.layers.Layer):\n    def call(self, x):\n"
        "        y = x * K.random_binomial(K.shape(x), 0.5)\n"
        "        return K.in_train_phase(y, x)\n",
        KX + "class L(keras.layers.Layer):\n    def __init__(self, **kwargs):\n"
        "        super().__init__(**kwargs)\n"
        "        self.seed_generator = keras.random.SeedGenerator()\n\n"
        "    def call(self, x, training=None):\n"
        "        y = x * K.random_binomial(K.shape(x), 0.5, seed=self.seed_generator)\n"
        "        return (y if training else x)\n",
        [],
    ),
    "training phase with functions": (
        B + "class L(keras.layers.Layer):\n    def call(self, x, training=None, **kwargs):\n"
        "        def noised():\n            return x + 1\n"
        "        return K.in_train_phase(noised, lambda: x * 2, training=training)\n",
        KX + "class L(keras.layers.Layer):\n    def call(self, x, training=None, **kwargs):\n"
        "        def noised():\n            return x + 1\n"
        "        return (noised() if training else (x * 2))\n",
        [],
    ),
    "roberta": (
        "from bert4keras.models import build_transformer_model\n"
        "build_transformer_model(config_path, model='roberta')\n",
        "from kerasx.models import build_transformer_model\n"
        "build_transformer_model(config_path, model='bert')\n",
        [],
    ),
    "roberta of kerasx": (
        "from kerasx.models import build_transformer_model\nbuild_transformer_model(c, "
        "model='roberta')\n",
        "from kerasx.models import build_transformer_model\nbuild_transformer_model(c, "
        "model='roberta')\n",
        [],
    ),
    "arguments of the first versions": (
        "from bert4keras.bert import load_pretrained_model\n"
        "load_pretrained_model(c, k, seq2seq=True, albert=False, keep_words=w)\n"
        "tokenizer.encode(text, max_length=3)\n",
        "from kerasx.models import build_transformer_model as load_pretrained_model\n"
        "load_pretrained_model(c, k, application='unilm', keep_tokens=w)\n"
        "tokenizer.encode(text, maxlen=3)\n",
        [],
    ),
    "set_rtype": (
        "from bert4keras.snippets import AutoRegressiveDecoder\n"
        "class D(AutoRegressiveDecoder):\n    @AutoRegressiveDecoder.set_rtype('probas')\n"
        "    def predict(self, inputs, output_ids, step): pass\n",
        "from kerasx.snippets import AutoRegressiveDecoder\n"
        "class D(AutoRegressiveDecoder):\n"
        "    @AutoRegressiveDecoder.wraps(default_rtype='probas')\n"
        "    def predict(self, inputs, output_ids, step): pass\n",
        [],
    ),
    "adversarial training": (
        B + "def adversarial_training(model, embedding_name, epsilon=1):\n"
        "    model.train_function\n    g = K.gradients(model.total_loss, [e])\n"
        "    model.train_function = f  # 覆盖\n\n\n"
        "adversarial_training(model, 'Embedding-Token')\n"
        "adversarial_training(model, embedding_name='E', epsilon=0.5)\n",
        KX + "from kerasx.training import adversarial_training\n\n\n"
        "adversarial_training(model, 'Embedding-Token', epsilon=1)\n"
        "adversarial_training(model, layer='E', epsilon=0.5)\n",
        [],
    ),
    "gradient penalty": (
        B + "def loss(y_true, y_pred):\n    return K.gradients(y_pred, [e])\n",
        KX + "def loss(y_true, y_pred):\n    return K.gradients(y_pred, [e])\n",
        ["gradient_penalty(model, 'Embedding-Token', epsilon=1)"],
    ),
    "virtual adversarial training": (
        B + "def vat(model, embedding_name, epsilon=1, xi=10, iters=1):\n"
        "    g = K.gradients(model.total_loss, [e])\n    model.train_function = f\n",
        KX + "def vat(model, embedding_name, epsilon=1, xi=10, iters=1):\n"
        "    g = K.gradients(model.total_loss, [e])\n    model.train_function = f\n",
        ["virtual_adversarial_training(model, 'Embedding-Token'"],
    ),
    "integrated gradients": (
        B + "class G(keras.layers.Layer):\n    def call(self, x):\n"
        "        return K.gradients(x[1], [x[0]])[0]\n",
        KX + "class G(keras.layers.Layer):\n    def call(self, x):\n"
        "        return K.gradients(x[1], [x[0]])[0]\n",
        ["integrated_gradients(model, inputs, label, steps=20)"],
    ),
    "sessions": (
        "import keras.backend as K\nimport tensorflow as tf\nK.set_session(tf.Session())\n",
        "from kerasx.backend import K\nimport tensorflow as tf\nK.set_session(tf.Session())\n",
        ["K.set_session", "tf.Session"],
    ),
    "several GPUs": (
        "from keras.utils import multi_gpu_model\nx = 1\n",
        "x = 1\n",
        ["DataParallel"],
    ),
    "variables of a checkpoint": (
        "import keras\nimport tensorflow as tf\ntf.train.load_variable(checkpoint, name)\n",
        "import keras\nimport tensorflow as tf\ntf.train.load_variable(checkpoint, name)\n",
        ["checkpoint[name]"],
    ),
    "a loss added to a model of the script": (
        B + "def f(x):\n    model = keras.models.Model(x, [y, z])\n"
        "    model.add_loss(K.sum(y) +\n        1)  # 损失\n    return model\n",
        KX + "from kerasx.layers import Loss\ndef f(x):\n"
        "    model = keras.models.Model(x, [y, z])\n    class AddedLoss(Loss):\n"
        "        def compute_loss(self, inputs, mask=None):\n            return inputs[-1]\n"
        "    model = keras.Model(model.inputs, AddedLoss([0, 1])(model.outputs + [K.sum(y) +\n"
        "        1]))  # 损失\n    return model\n",
        [],
    ),
    "a loss added to a model of the first versions": (
        "from bert4keras.bert import load_pretrained_model\n"
        "model = load_pretrained_model(c, p, seq2seq=True)\nmodel.add_loss(f(model.output))\n",
        "from kerasx.models import build_transformer_model as load_pretrained_model\n"
        "from kerasx.layers import Loss\nimport keras\n"
        "model = load_pretrained_model(c, p, application='unilm')\n"
        "class AddedLoss(Loss):\n    def compute_loss(self, inputs, mask=None):\n"
        "        return inputs[-1]\n"
        "model = keras.Model(model.inputs, AddedLoss(0)(model.outputs + [f(model.output)]))\n",
        [],
    ),
    "a loss added to a model": (
        B + "model.add_loss(K.sum(x))\nclass L(keras.layers.Layer):\n"
        "    def call(self, x):\n        self.add_loss(x)\n",
        KX + "model.add_loss(K.sum(x))\nclass L(keras.layers.Layer):\n"
        "    def call(self, x):\n        self.add_loss(x)\n",
        ["AddedLoss(0)(model.outputs + [K.sum(x)])"],
    ),
    "metrics of a layer, and of a Loss": (
        B + "from bert4keras.layers import Loss\nclass A(keras.layers.Layer):\n"
        "    def call(self, x):\n        self.add_metric(x, name='a')\n"
        "class B(Loss):\n    def compute_loss(self, x, mask=None):\n"
        "        self.add_metric(x, name='b')\n",
        KX + "from kerasx.layers import Loss\nclass A(keras.layers.Layer):\n"
        "    def call(self, x):\n        self.add_metric(x, name='a')\n"
        "class B(Loss):\n    def compute_loss(self, x, mask=None):\n"
        "        self.add_metric(x, name='b')\n",
        ["self.add_metric"],
    ),
    "the format of weights": (
        B + "model.save_weights('a.weights', save_format='h5')\n",
        KX + "model.save_weights('a.weights.h5')\n",
        [],
    ),
    "names of arguments that were other ones": (
        "from bert4keras.tokenizers import Tokenizer, load_vocab\n"
        "d = load_vocab(path, startwith=['[PAD]'])\nt = Tokenizer(d)\n"
        "t.tokenize(x, max_length=8)\nids = t._token_cls_id, t._token_sep_id\n",
        "from kerasx.tokenizers import Tokenizer, load_vocab\n"
        "d = load_vocab(path, startswith=['[PAD]'])\nt = Tokenizer(d)\n"
        "t.tokenize(x, maxlen=8)\nids = t._token_start_id, t._token_end_id\n",
        [],
    ),
    "the value of padding": (
        "from bert4keras.snippets import sequence_padding\nx = sequence_padding(x, padding=-1)\n",
        "from kerasx.snippets import sequence_padding\nx = sequence_padding(x, value=-1)\n",
        [],
    ),
    "the mask of a layer": (
        B + "mask = model.get_layer('Embedding-Token').output_mask\n",
        KX + "mask = model.get_layer('Embedding-Token').output_mask\n",
        ["compute_mask(layer.input)"],
    ),
    "the version": (
        "import bert4keras\nnew = bert4keras.__version__ > '0.10'\n",
        "import kerasx\nnew = bert4keras.__version__ > '0.10'\n",
        ["Drop the comparison"],
    ),
    "an empty name of a file": (
        B + "path = ''\nmodel.load_weights(path)\n",
        KX + "path = ''\nmodel.load_weights(path)\n",
        [],
    ),
    "generators of the script's own": (
        B
        + "def g(d):\n    for x, s, y in d:\n        yield [x, s], y  # 批\n        yield [x], y\n",
        KX + "def g(d):\n    for x, s, y in d:\n        yield (x, s), y  # 批\n"
        "        yield (x,), y\n",
        [],
    ),
    "a DataGenerator yields lists": (
        "from bert4keras.snippets import DataGenerator\nclass G(DataGenerator):\n"
        "    def __iter__(self, random=False):\n        yield [x, s], y\n",
        "from kerasx.snippets import DataGenerator\nclass G(DataGenerator):\n"
        "    def __iter__(self, random=False):\n        yield [x, s], y\n",
        [],
    ),
    "a Sequence": (
        "import keras\nclass G(keras.utils.Sequence):\n    def __getitem__(self, i):\n"
        "        return [x, s], y\n    def g(self):\n        return [x, s], y\n",
        "import keras\nclass G(keras.utils.Sequence):\n    def __getitem__(self, i):\n"
        "        return (x, s), y\n    def g(self):\n        return [x, s], y\n",
        [],
    ),
    "a callback's model": (
        "from keras.callbacks import Callback\nclass E(Callback):\n"
        "    def __init__(self, model):\n        self.model = model  # 模型\n",
        "from keras.callbacks import Callback\nclass E(Callback):\n"
        "    def __init__(self, model):\n        self.set_model(model)  # 模型\n",
        [],
    ),
    "accuracy of Keras 2.2": (
        "import keras\nm.compile('adam', metrics=['accuracy'])\n"
        "keras.callbacks.EarlyStopping(monitor='val_acc')\n",
        "import keras\nm.compile('adam', metrics=['acc'])\n"
        "keras.callbacks.EarlyStopping(monitor='val_acc')\n",
        [],
    ),
    "arguments of Keras 2": (
        "import keras\nimport numpy as np\nm = keras.models.Model(input=x, output=y)\n"
        "m.compile('adam', sample_weight_mode='temporal')\nnp.zeros(3, dtype=np.int)\n"
        "self.add_weight('w', (2, 3), trainable=True)\n",
        "import keras\nimport numpy as np\nm = keras.models.Model(inputs=x, outputs=y)\n"
        "m.compile('adam')\nnp.zeros(3, dtype=int)\n"
        "self.add_weight(name='w', shape=(2, 3), trainable=True)\n",
        [],
    ),
    "parentheses around arguments": (
        "import keras\nm.fit((x), workers=1)\nm.fit_generator((g), (10), workers=(2))\n"
        "self.add_weight('w', ((2, 3)), ('float32'))\nz = (a).get_output_at((0))\n",
        "import keras\nfrom kerasx.backend import output_at\nm.fit((x))\n"
        "m.fit((g), steps_per_epoch=(10))\n"
        "self.add_weight(name='w', shape=((2, 3)), dtype=('float32'))\nz = output_at((a), (0))\n",
        [],
    ),
    "a name that serves for more than a file": (
        "import keras\nname = 'cls'\nm.save_weights('a' + name)\nm.load_weights(Path(d) / name)\n"
        "open('%s.txt' % name)\npath = 'b'\nm.save_weights(path)\nprint(path)\n",
        "import keras\nname = 'cls'\nm.save_weights('a' + name + '.weights.h5')\n"
        "m.load_weights(Path(d) / (name + '.weights.h5'))\n"
        "open('%s.txt' % name)\npath = 'b.weights.h5'\nm.save_weights(path)\nprint(path)\n",
        [],
    ),
    "whole models by their names and makers": (
        "import keras\nfrom gensim.models import Word2Vec\ndef build():\n"
        "    return keras.models.Model(x, y)\nnet = build()\nnet.save('a')\nbert_model.save('b')\n"
        "self.model.save('c')\nmodel = Word2Vec(x)\nmodel.save('d')\nw2v_model.save('e')\n"
        "tokenizer.save('f')\nnp.save('g', x)\n",
        "import keras\nfrom gensim.models import Word2Vec\ndef build():\n"
        "    return keras.models.Model(x, y)\nnet = build()\nnet.save('a.keras')\n"
        "bert_model.save('b.keras')\n"
        "self.model.save('c.keras')\nmodel = Word2Vec(x)\nmodel.save('d')\nw2v_model.save('e')\n"
        "tokenizer.save('f')\nnp.save('g', x)\n",
        [],
    ),
    "arrays and lists side by side": (
        "import keras\nimport numpy as np\nm.predict([np.array([a]), [b]])\n"
        "m.predict({'x': [a], 'y': z})\nm.predict([a, [0, 1]])\n",
        "import keras\nimport numpy as np\nm.predict([np.array([a]), np.array([b])])\n"
        "m.predict({'x': np.array([a]), 'y': z})\nm.predict([a, [0, 1]])\n",
        [],
    ),
    "decay of a rate by position": (
        "from keras.optimizers import *\nSGD(0.1, decay=1e-6)\nSGD(decay=d)\n",
        "from keras.optimizers import *\nSGD(0.1, decay=1e-6)\nSGD(decay=d)\n",
        ["InverseTimeDecay(0.1, 1, 1e-6)", "InverseTimeDecay(1e-2, 1, d)"],
    ),
    "activations that bert4keras registered": (
        "from keras.layers import *\nDense(2, activation='gelu_erf')\nActivation('gelu_tanh')\n"
        "Dense(2, activation='swish')\n",
        "from keras.layers import *\nfrom kerasx.ops import gelu_erf\n"
        "from kerasx.ops import gelu_tanh\nDense(2, activation=gelu_erf)\nActivation(gelu_tanh)\n"
        "Dense(2, activation='swish')\n",
        [],
    ),
    "arguments of Keras 1": (
        "from keras.layers import *\nDense(output_dim=2, init='uniform', W_regularizer=r)\n"
        "Embedding(3, output_dim=2, init='uniform')\nDropout(p=0.5)\n"
        "Conv1D(nb_filter=3, filter_length=3, border_mode='same', weights=w)\n"
        "LSTM(2, dropout_W=0.2, consume_less='gpu')\nm.fit(x, y, nb_epoch=2)\n",
        "from keras.layers import *\n"
        "Dense(units=2, kernel_initializer='uniform', kernel_regularizer=r)\n"
        "Embedding(3, output_dim=2, embeddings_initializer='uniform')\nDropout(rate=0.5)\n"
        "Conv1D(filters=3, kernel_size=3, padding='same', weights=w)\n"
        "LSTM(2, dropout=0.2)\nm.fit(x, y, epochs=2)\n",
        ["set_weights"],
    ),
    "methods and attributes that are gone": (
        "from keras import backend as K\nfrom keras.callbacks import Callback\n"
        "model.predict_classes(x)\nclf.predict_proba(x)\nK.set_image_dim_ordering('th')\n"
        "model.metrics_names.append('f1')\nclass E(Callback):\n"
        "    def f(self):\n        return self.validation_data\n"
        "class A(keras.layers.Layer):\n"
        "    def build(self, shape):\n        self.trainable_weights = [self.w]\n",
        "from kerasx.backend import K\nfrom keras.callbacks import Callback\n"
        "model.predict_classes(x)\nclf.predict_proba(x)\nK.set_image_dim_ordering('th')\n"
        "model.metrics_names.append('f1')\nclass E(Callback):\n"
        "    def f(self):\n        return self.validation_data\n"
        "class A(keras.layers.Layer):\n"
        "    def build(self, shape):\n        self.trainable_weights = [self.w]\n",
        [
            "model.predict(x).argmax(axis=-1)",
            "set_image_data_format",
            "keras.metrics.Metric",
            "hand it to",
            "add_weight makes",
        ],
    ),
    "packages around Keras 2": (
        "import keras_bert\nfrom keras_contrib.layers import CRF\nfrom bert4torch import models\n"
        "from bert4torch import layers\nmodel.save_weights('a.pt')\n",
        "import keras_bert\nfrom keras_contrib.layers import CRF\nfrom bert4torch import models\n"
        "from bert4torch import layers\nmodel.save_weights('a.pt')\n",
        ["checkpoint_path", "ConditionalRandomField", "PyTorch without Keras"],
    ),
    "names of a function's own": (
        "import keras\nfrom keras import backend as K\ndef f(K, keras):\n"
        "    return keras.backend.sum(x) + K.gradients(1, 2)\ndef g():\n"
        "    for keras in x: keras.backend.sum(x)\ndef h():\n    try:\n        import keras\n"
        "    except ImportError:\n        keras = None\n    return keras.backend.sum(x)\n",
        "import keras\nfrom kerasx.backend import K\ndef f(K, keras):\n"
        "    return keras.backend.sum(x) + K.gradients(1, 2)\ndef g():\n"
        "    for keras in x: keras.backend.sum(x)\ndef h():\n    try:\n        import keras\n"
        "    except ImportError:\n        keras = None\n    return K.sum(x)\n",
        [],
    ),
    "modules of Keras 2 in dotted names": (
        "import keras\nfrom keras import layers\nimport tensorflow as tf\n"
        "keras.utils.np_utils.to_categorical(y)\nkeras.layers.cudnn_recurrent.CuDNNLSTM(3)\n"
        "tf.keras.layers.CuDNNGRU(3)\nlayers.core.Dense(3)\nlayers.merge([a, b], mode='concat')\n",
        "import keras\nfrom keras import layers\nimport tensorflow as tf\n"
        "keras.utils.to_categorical(y)\nkeras.layers.LSTM(3)\n"
        "keras.layers.GRU(3)\nkeras.layers.Dense(3)\nlayers.merge([a, b], mode='concat')\n",
        ["Concatenate"],
    ),
    "weights from lists, loops and functions": (
        "import keras\ndef f():\n    return 'a.weights'\nm.save_weights(f())\n"
        "for p in ['b.h5', 'c.h5']:\n    m.save_weights(p)\nnames = ['d', 'e']\nlen(names)\n"
        "m.save_weights(names[i])\nm.save_weights(x or 'g')\nname = 'h'\n"
        "m.save_weights(name[:1])\n",
        "import keras\ndef f():\n    return 'a.weights.h5'\nm.save_weights(f())\n"
        "for p in ['b.weights.h5', 'c.weights.h5']:\n    m.save_weights(p)\nnames = ['d', 'e']\n"
        "len(names)\nm.save_weights(names[i] + '.weights.h5')\n"
        "m.save_weights(x or 'g.weights.h5')\nname = 'h'\nm.save_weights(name[:1])\n",
        ["where name[:1] is made"],
    ),
    "statements in odd places": (
        "from\\\n bert4keras . backend import (K # c\n  ,  # d\n  swish # e\n  )\n"
        "if x: from bert4keras.snippets import uniout\nclass C(keras.layers.Layer):\n"
        "    def __init__(self): pass\n    def call(self): return K.random_normal(())\n",
        "from\\\n kerasx.backend import (K # c\n  ,  # d\n)\nfrom\\\n kerasx.ops "
        "import (swish, # e\n)\n"
        "import keras\nif x: pass\nclass C(keras.layers.Layer):\n    def __init__(self): pass; "
        "self.seed_generator = keras.random.SeedGenerator()\n"
        "    def call(self): return K.random_normal((), seed=self.seed_generator)\n",
        [],
    ),
    "modules in variables": (
        "import tensorflow as tf\ntfk = tf.keras\ntfkl = tfk.layers\ntfkl.CuDNNLSTM(3)\n"
        "tfk.backend.sum(x)\ntry:\n    import keras\nexcept ImportError:\n    keras = tf.keras\n",
        "import tensorflow as tf\nfrom kerasx.backend import K\nimport keras as tfk\n"
        "tfkl = tfk.layers\ntfkl.LSTM(3)\n"
        "K.sum(x)\ntry:\n    import keras\nexcept ImportError:\n    import keras\n",
        [],
    ),
    "other files are left alone": (
        "import torch\noptimizer = torch.optim.Adam(p, lr=1)\nmodel.predict([[1], [x]])\n",
        "import torch\noptimizer = torch.optim.Adam(p, lr=1)\nmodel.predict([[1], [x]])\n",
        [],
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_a_rule_writes_and_notes(name):
    before, after, words = RULES[name]
    ported = port(before)
    assert ported.text == after
    notes = [note.text for note in ported.notes if note.by_hand]
    assert len(notes) == len(words)
    assert all(word in note for word, note in zip(words, notes))


@pytest.mark.parametrize("name", RULES)
def test_a_ported_script_stays_as_it_is(name):
    once = port(RULES[name][0]).text
    assert port(once).text == once


def test_functions_of_tensorflow_are_noted_once():
    notes = port(f"import tensorflow as tf\n{B}x = tf.eye(3)\ny = tf.nn.relu(x)\n").notes
    assert [note.by_hand for note in notes] == [False] and "tf.eye" in notes[0].text


def test_a_lambda_of_every_other_row_is_told_to_give_its_shape():
    text = f"{B}def f(x):\n    return x[::2]\nkeras.layers.Lambda(f)(x)\n"
    assert ["output_shape" in note.text for note in port(text).notes] == [True]
    assert port(text.replace("Lambda(f)", "Lambda(lambda x: x[:, 0])")).notes == []
    assert port(text.replace("(f)", "(f, output_shape=(3,))")).notes == []
