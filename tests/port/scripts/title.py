#! -*- coding: utf-8 -*-
# 生成标题：UniLM式的seq2seq，精简词表

from __future__ import print_function
from bert4keras.layers import *
from bert4keras.models import *
from bert4keras.tokenizers import Tokenizer, load_vocab
from bert4keras.optimizers import Adam, extend_with_exponential_moving_average
from bert4keras.snippets import sequence_padding
from bert4keras.snippets import DataGenerator, AutoRegressiveDecoder
from tqdm import tqdm

maxlen = 16
batch_size = 3
config_path = 'bert/bert_config.json'
checkpoint_path = 'bert/bert_model.ckpt'
dict_path = 'bert/vocab.txt'

data = [line.rstrip('\n').split('\t') for line in open('data/titles.tsv', encoding='utf-8')]

token_dict, keep_tokens = load_vocab(
    dict_path=dict_path,
    simplified=True,
    startswith=['[PAD]', '[UNK]', '[CLS]', '[SEP]'],
)
tokenizer = Tokenizer(token_dict, do_lower_case=True)


class data_generator(DataGenerator):
	"""数据生成器（用制表符缩进）
	"""
	def __iter__(self, random=False):
		batch_token_ids, batch_segment_ids = [], []
		for is_end, (title, content) in self.sample(random):
			token_ids, segment_ids = tokenizer.encode(content, title, maxlen=maxlen)
			batch_token_ids.append(token_ids)
			batch_segment_ids.append(segment_ids)
			if len(batch_token_ids) == self.batch_size or is_end:
				batch_token_ids = sequence_padding(batch_token_ids, maxlen)
				batch_segment_ids = sequence_padding(batch_segment_ids, maxlen)
				yield [batch_token_ids, batch_segment_ids], None
				batch_token_ids, batch_segment_ids = [], []


class CrossEntropy(Loss):
    """交叉熵作为loss，并mask掉输入部分
    """
    def compute_loss(self, inputs, mask=None):
        y_true, y_mask, y_pred = inputs
        y_true = y_true[:, 1:]  # 目标token_ids
        y_mask = y_mask[:, 1:]  # segment_ids，刚好指示了要预测的部分
        y_pred = y_pred[:, :-1]  # 预测序列，错开一位
        loss = K.sparse_categorical_crossentropy(y_true, y_pred)
        loss = K.sum(loss * y_mask) / K.sum(y_mask)
        return loss


model = build_transformer_model(
    config_path,
    checkpoint_path,
    application='unilm',
    keep_tokens=keep_tokens,
    hidden_dropout_prob=0.,
)

output = CrossEntropy(2)(model.inputs + model.outputs)

model = Model(model.inputs, output)
AdamEMA = extend_with_exponential_moving_average(Adam, name='AdamEMA')
optimizer_params = {'lr': 1e-3, 'ema_momentum': 0.9}
optimizer = AdamEMA(**optimizer_params)
model.compile(optimizer=optimizer)


class AutoTitle(AutoRegressiveDecoder):
    """seq2seq解码器
    """
    @AutoRegressiveDecoder.wraps(default_rtype='probas')
    def predict(self, inputs, output_ids, states):
        token_ids, segment_ids = inputs
        token_ids = np.concatenate([token_ids, output_ids], 1)
        segment_ids = np.concatenate([segment_ids, np.ones_like(output_ids)], 1)
        return self.last_token(model).predict([token_ids, segment_ids])

    def generate(self, text, topk=1):
        token_ids, segment_ids = tokenizer.encode(text, maxlen=maxlen)
        output_ids = self.beam_search([token_ids, segment_ids], topk=topk)
        return tokenizer.decode(output_ids)


autotitle = AutoTitle(start_id=None, end_id=tokenizer._token_end_id, maxlen=2)


class Evaluator(keras.callbacks.Callback):
    """评估与保存
    """
    def __init__(self):
        self.lowest = 1e10

    def on_epoch_end(self, epoch, logs=None):
        optimizer.apply_ema_weights()
        if logs['loss'] <= self.lowest:
            self.lowest = logs['loss']
            model.save_weights('./best_model_%s.weights' % 'title')
        optimizer.reset_old_weights()


if __name__ == '__main__':

    evaluator = Evaluator()
    train_generator = data_generator(data, batch_size)

    history = model.fit(
        train_generator.forfit(),
        steps_per_epoch=len(train_generator),
        epochs=1,
        callbacks=[evaluator]
    )
    model.load_weights('./best_model_%s.weights' % 'title')

else:

    model.load_weights('./best_model_%s.weights' % 'title')

titles = [autotitle.generate(content) for title, content in tqdm(data[:1])]
