"""Vectors of a text by a BERT, before and after the model is saved and loaded.

python examples/recipes/extract_features.py                              # a BERT made here
python examples/recipes/extract_features.py --config chinese_bert/ --text 语言模型
"""

import argparse
import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from kerasx.models import Predictor, build_transformer_model, load_model, save_model, starting_point

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--config", help="folder of a pretrained BERT; a random one by default")
parser.add_argument("--text", default="语言模型")
parser.add_argument("--save", default="runs/extract_features", help="folder of the model")
args = parser.parse_args()
keras.utils.set_random_seed(0)

start = starting_point(args.config, [args.text])
bert = build_transformer_model(start.config)
(vectors,) = Predictor(bert, start.tokenizer)([args.text])
print(f"{vectors.shape}: a vector for each of {start.tokenizer.tokenize(args.text)}")
print(vectors[:, :6].round(3))  # the first coordinates

save_model(args.save, bert, start.tokenizer)
saved = load_model(args.save)
(again,) = Predictor(saved.model, saved.tokenizer)([args.text])
print(f"\nsaved in {args.save} and loaded: {np.abs(vectors - again).max():.1e} apart")
