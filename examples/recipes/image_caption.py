"""Captions of pictures: a BERT whose layer normalizations depend on a small CNN's vector.

    python examples/recipes/image_caption.py                               # pictures drawn here
    python examples/recipes/image_caption.py --data captions_train2014.json --images train2014/ \
        --config uncased_bert/ --epochs 20

`--data` has the form of COCO's captions. The CNN is trained from scratch, too; any other
keras.Model from pictures to vectors takes its place (kexue.fm/archives/7124).
"""

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from kerasx.data import sequence_padding
from kerasx.generation import BeamSearch, Generator
from kerasx.layers import CrossEntropy
from kerasx.models import build_transformer_model, starting_point
from kerasx.text import text_table

COLOURS = {"红": (255, 0, 0), "绿": (0, 160, 0), "蓝": (0, 0, 255), "黄": (255, 220, 0)}
SHAPES = {
    "圆形": lambda x, y: x**2 + y**2 < 1,
    "方形": lambda x, y: np.maximum(abs(x), abs(y)) < 0.9,
    "三角形": lambda x, y: (abs(x) < (y + 1) / 2) & (y < 1),
    "十字": lambda x, y: (np.minimum(abs(x), abs(y)) < 0.3) & (np.maximum(abs(x), abs(y)) < 1),
}
SIZES = {"大": 9, "小": 5}  # half of the width, in pixels

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--config", help="folder of a pretrained BERT; from scratch by default")
parser.add_argument("--data", help="JSON file in COCO's form; drawn pictures by default")
parser.add_argument("--images", default=".", help="folder of the pictures in --data")
parser.add_argument("--pictures", type=int, default=1200, help="drawn ones to learn from")
parser.add_argument("--size", type=int, help="pixels; 224 for --data, else 32")
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--hidden-size", type=int, default=64, help="from scratch")
parser.add_argument("--maxlen", type=int, default=48)
args = parser.parse_args()
size = args.size or (224 if args.data else 32)
keras.utils.set_random_seed(0)
rng = np.random.default_rng(0)

# Data: pictures (n, size, size, 3) and their captions


def draw():
    """Return a picture at random and its caption, such as "左边有一个大的红色圆形"."""
    colour, shape, width = (rng.choice(list(x)) for x in (COLOURS, SHAPES, SIZES))
    left = rng.random() < 0.5
    middle = size * (rng.uniform(0.25, 0.4) if left else rng.uniform(0.6, 0.75))
    y, x = (np.mgrid[:size, :size] - [[[size * rng.uniform(0.4, 0.6)]], [[middle]]]) / SIZES[width]
    inside = SHAPES[shape](x, y)[..., None]
    picture = np.where(inside, COLOURS[colour], 255)
    return picture, f"{'左' if left else '右'}边有一个{width}的{colour}色{shape}"


def load(name):
    """Return a picture of a file, with a white margin where it is not square."""
    picture = keras.utils.load_img(os.path.join(args.images, name), keep_aspect_ratio=False)
    options = {"pad_to_aspect_ratio": True, "fill_value": 255.0, "data_format": "channels_last"}
    picture = keras.utils.img_to_array(picture, data_format="channels_last")
    return keras.ops.image.resize(picture, (size, size), **options)


if args.data:
    data = json.loads(Path(args.data).read_text("utf-8"))
    files = {image["id"]: image["file_name"] for image in data["images"]}
    rows = [(load(files[x["image_id"]]), x["caption"]) for x in data["annotations"]]
else:
    rows = [draw() for _ in range(args.pictures * 11 // 10)]
pictures = 1 - np.stack([np.asarray(picture, "float32") for picture, _ in rows]) / 255
captions = [caption for _, caption in rows]
start = starting_point(args.config, captions, args.hidden_size, 1, args.maxlen, simplified=True)
tokenizer = start.tokenizer
ids = sequence_padding([tokenizer.encode(x, maxlen=args.maxlen)[0] for x in captions])
held_out = np.arange(len(ids)) % 11 == 0

# Model: the CNN's vector conditions every layer normalization of the language model

conv = {"strides": 2, "padding": "same", "activation": "relu", "data_format": "channels_last"}
picture = keras.Input((size, size, 3))
x = picture
for filters in (16, 32, 64):
    x = keras.layers.Conv2D(filters, 3, **conv)(x)
vector = keras.layers.Dense(128)(keras.layers.Flatten()(x))
lm = build_transformer_model(
    start.config,
    application="lm",
    with_mlm="linear",
    keep_tokens=start.keep_tokens,
    layer_norm_cond=vector,
    layer_norm_cond_hidden_size=128,
    layer_norm_cond_hidden_act="swish",
    additional_input_layers=picture,
)
model = keras.Model(lm.inputs, CrossEntropy(1)([lm.inputs[0], lm.output]))
model.compile(keras.optimizers.Adam(start.learning_rate))
train = [ids[~held_out], np.zeros_like(ids[~held_out]), pictures[~held_out]]
model.fit(train, batch_size=32, epochs=args.epochs, verbose=2)

# Results

options = {"tokenizer": tokenizer, "max_new_tokens": args.maxlen - 1}
generate = Generator(lm, BeamSearch(2), **options)
unseen = pictures[held_out]
written = generate([[tokenizer.start_id]] * len(unseen), additional_inputs=[unseen]).texts
wanted = [caption for caption, out in zip(captions, held_out) if out]
print("\n" + text_table([("written", "caption"), *zip(written[:8], wanted)]))
right = np.mean([x == y.lower() for x, y in zip(written, wanted)])
print(f"\n{right:.1%} of {len(wanted)} captions held out are written word for word")
