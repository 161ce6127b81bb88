#! -*- coding: utf-8 -*-
# 序列标注：BERT中间层 + CRF，带自定义的随机层

import numpy as np, json
from bert4keras.bert import build_bert_model
from bert4keras.tokenizer import Tokenizer
from bert4keras.backend import keras, K, \
    search_layer, batch_gather, sequence_masking
from bert4keras.layers import ConditionalRandomField
from bert4keras.optimizers import Adam
from bert4keras.snippets import sequence_padding, to_array, ViterbiDecoder
from keras.engine import Layer
from keras.layers.core import Dense, Reshape
from keras.models import Model, load_model
from keras.callbacks import ModelCheckpoint

maxlen, batch_size = 8, 4
data = json.load(open('data/tags.json'))
labels = ['O', 'B', 'I']
tokenizer = Tokenizer('bert/vocab.txt', do_lower_case=True)


class RandomScale(Layer):
    """训练时随机缩放，预测时不变
    """
    def call(self, inputs):
        noise = K.random_uniform(K.shape(inputs)[:1], 0.9, 1.1)

        def scaled():
            return inputs * K.reshape(noise, (-1, 1, 1))

        return K.in_train_phase(scaled, inputs)

    def compute_output_shape(self, input_shape):
        return input_shape


def generator():
    while True:
        for i in range(0, len(data), batch_size):
            X, S, Y = [], [], []
            for d in data[i:i + batch_size]:
                x, s = tokenizer.encode(d['text'], max_length=maxlen)
                X.append(x)
                S.append(s)
                Y.append([0] + [labels.index(t) for t in d['tags']][:maxlen - 2] + [0])
            X, S, Y = [sequence_padding(_, maxlen) for _ in (X, S, Y)]
            yield [X, S], Y


bert = build_bert_model('bert/bert_config.json', 'bert/bert_model.ckpt', return_keras_model=False)
layer = search_layer(bert.model.output, 'Transformer-0-FeedForward-Norm')
output = layer.get_output_at(-1)  # 等价于layer.output
pooled = Reshape((1, K.int_shape(output)[-1]))(keras.layers.Lambda(lambda x: x[:, 0])(output))
output = keras.layers.concatenate([output, RandomScale()(output)])
output = Dense(len(labels))(output)
CRF = ConditionalRandomField(lr_multiplier=10)
output = CRF(output)

model = Model(bert.model.input, output)
model.compile(loss=CRF.sparse_loss, optimizer=Adam(lr=1e-3), metrics=[CRF.sparse_accuracy])


class NamedEntityRecognizer(ViterbiDecoder):
    """命名实体识别器
    """
    def recognize(self, text):
        x, s = tokenizer.encode(text)
        nodes = model.predict(to_array([x], [s]))[0]
        return self.decode(nodes)


NER = NamedEntityRecognizer(trans=K.eval(CRF.trans), starts=[0], ends=[0])
checkpoint = ModelCheckpoint('tags.h5', monitor='loss', save_best_only=True, save_weights_only=True, period=1)

if __name__ == '__main__':

    history = model.fit_generator(generator(), 2, 1, callbacks=[checkpoint])
    model.load_weights('tags.h5')

else:

    model.load_weights('tags.h5')

NER.trans = K.eval(CRF.trans)
K.set_value(model.optimizer.lr, 5e-4)
tags = NER.recognize(data[0]['text'])
