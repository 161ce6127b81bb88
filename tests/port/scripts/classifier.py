#! -*- coding:utf-8 -*-
# 短评分类：[CLS]向量接全连接，带对抗训练

import os
os.environ['TF_KERAS'] = '0'  # 用keras

import json
import numpy as np
from bert4keras.backend import keras, search_layer, set_gelu, K
from bert4keras.tokenizers import Tokenizer
from bert4keras.models import build_transformer_model
from bert4keras.optimizers import Adam, extend_with_piecewise_linear_lr
from bert4keras.snippets import sequence_padding, DataGenerator
from bert4keras.snippets import open, uniout  # 打印中文
from keras.layers import Dense, Lambda
from keras.utils.np_utils import to_categorical

set_gelu('tanh')  # 切换gelu版本

num_classes = 2
maxlen = 8
batch_size = 4
weights_path = os.path.join('output', 'best_model.weights')


def load_data(filename):
    """每行：文本\t标签
    """
    D = []
    with open(filename, encoding='utf-8') as f:
        for l in f:
            text, label = l.strip().split('\t')
            D.append((text, int(label)))
    return D


train_data = load_data('data/reviews.tsv')
tokenizer = Tokenizer('bert/vocab.txt', do_lower_case=True)


class data_generator(DataGenerator):
    """数据生成器
    """
    def __iter__(self, random=False):
        batch_token_ids, batch_segment_ids, batch_labels = [], [], []
        for is_end, (text, label) in self.sample(random):
            token_ids, segment_ids = tokenizer.encode(text, max_length=maxlen)
            batch_token_ids.append(token_ids)
            batch_segment_ids.append(segment_ids)
            batch_labels.append(label)
            if len(batch_token_ids) == self.batch_size or is_end:
                batch_token_ids = sequence_padding(batch_token_ids, maxlen)
                batch_segment_ids = sequence_padding(batch_segment_ids, maxlen)
                batch_labels = to_categorical(batch_labels, num_classes)
                yield [batch_token_ids, batch_segment_ids], batch_labels
                batch_token_ids, batch_segment_ids, batch_labels = [], [], []


train_generator = data_generator(train_data, batch_size)

bert = build_transformer_model(
    config_path='bert/bert_config.json',
    checkpoint_path='bert/bert_model.ckpt',
    model='roberta',  # 实际上还是bert
    return_keras_model=False,
)

output = Lambda(lambda x: x[:, 0], name='CLS-token')(bert.model.output)
output = Dense(
    units=num_classes,
    activation='softmax',
    kernel_initializer=bert.initializer
)(output)

model = keras.models.Model(bert.model.input, output)

AdamLR = extend_with_piecewise_linear_lr(Adam, name='AdamLR')
model.compile(
    loss='categorical_crossentropy',
    optimizer=AdamLR(lr=1e-3, lr_schedule={
        10: 1,
        20: 0.1
    }),
    metrics=['accuracy'],
)


def fgm(model, embedding_name, epsilon=0.5):
    """对抗训练
    """
    if model.train_function is None:
        model._make_train_function()
    old_train_function = model.train_function
    embeddings = search_layer(model.outputs[0], embedding_name).embeddings
    gradients = K.gradients(model.total_loss, [embeddings])
    gradients = K.function(
        inputs=model._feed_inputs + model._feed_targets + model._feed_sample_weights,
        outputs=[K.zeros_like(embeddings) + gradients[0]],
    )

    def train_function(inputs):
        grads = gradients(inputs)[0]
        delta = epsilon * grads / np.sqrt((grads**2).sum())
        K.set_value(embeddings, K.eval(embeddings) + delta)
        outputs = old_train_function(inputs)
        K.set_value(embeddings, K.eval(embeddings) - delta)
        return outputs

    model.train_function = train_function  # 覆盖原训练函数


fgm(model, 'Embedding-Token')


def evaluate(data):
    total, right = 0., 0.
    for x_true, y_true in data:
        y_pred = model.predict(x_true).argmax(axis=1)
        total += len(y_true)
        right += (y_true.argmax(axis=1) == y_pred).sum()
    return right / total


class Evaluator(keras.callbacks.Callback):
    """评估与保存
    """
    def __init__(self, save_path):
        self.best_val_acc = 0.
        self.save_path = save_path

    def on_epoch_end(self, epoch, logs=None):
        val_acc = evaluate(train_generator)
        if val_acc >= self.best_val_acc:
            self.best_val_acc = val_acc
            self.model.save_weights(self.save_path)
        rate = float(K.get_value(self.model.optimizer.lr))
        print(u'学习率: %.5f, 准确率: %.5f' % (rate, val_acc))


def predict(text):
    token_ids, segment_ids = tokenizer.encode(text)
    return model.predict([[token_ids], [segment_ids]])[0].argmax()


if __name__ == '__main__':

    evaluator = Evaluator(weights_path)
    if not os.path.exists('output'):
        os.makedirs('output')

    history = model.fit_generator(
        train_generator.forfit(),
        steps_per_epoch=len(train_generator),
        epochs=2,
        callbacks=[evaluator],
        workers=1,  # 单线程
        use_multiprocessing=False
    )

else:

    model.load_weights(weights_path)

label = predict(train_data[0][0])
