"""seq2seq.py of the old days on keras cells: reverse a sequence of symbols, feed_previous=True."""
import numpy as np
import tensorflow as tf
from tensorflow.keras.layers import Dense, Embedding, GRUCell

tf.keras.utils.set_random_seed(8)

NUM_SYMBOLS = 12
SEQ_LEN = 5
SIZE = 24


def extract_argmax_and_embed(embedding, output_projection):
    """Get a loop_function that extracts the previous symbol and embeds it."""

    def loop_function(prev):
        logits = output_projection(prev)
        prev_symbol = tf.argmax(logits, axis=1)
        return embedding(prev_symbol)

    return loop_function


def rnn_decoder(first_input, initial_state, cell, steps, loop_function):
    state = initial_state
    outputs = []
    prev = None
    inp = first_input
    for i in range(steps):
        if prev is not None:
            inp = loop_function(prev)
        output, state = cell(inp, [state])
        state = state[0]
        outputs.append(output)
        prev = output
    return outputs, state


class EmbeddingRNNSeq2Seq(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.enc_embedding = Embedding(NUM_SYMBOLS, SIZE, name="enc_embedding")
        self.enc_cell = GRUCell(SIZE, name="enc_cell")
        self.dec_embedding = Embedding(NUM_SYMBOLS, SIZE, name="dec_embedding")
        self.dec_cell = GRUCell(SIZE, name="dec_cell")
        self.output_projection = Dense(NUM_SYMBOLS, name="output_projection")

    def call(self, symbols):
        batch = tf.shape(symbols)[0]
        state = tf.zeros((batch, SIZE))
        embedded = self.enc_embedding(symbols)
        for t in range(SEQ_LEN):
            _, state = self.enc_cell(embedded[:, t], [state])
            state = state[0]
        loop_function = extract_argmax_and_embed(self.dec_embedding, self.output_projection)
        go = tf.zeros((batch, SIZE))
        outputs, _ = rnn_decoder(go, state, self.dec_cell, SEQ_LEN, loop_function)
        return tf.stack([self.output_projection(o) for o in outputs], axis=1)


def sequence_loss(logits, targets):
    crossent = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)
    return tf.reduce_mean(crossent)


model = EmbeddingRNNSeq2Seq()
optimizer = tf.keras.optimizers.Adam(0.01)
rng = np.random.RandomState(8)

for step in range(25):
    source = rng.randint(0, NUM_SYMBOLS, size=(32, SEQ_LEN))
    target = source[:, ::-1].copy()
    with tf.GradientTape() as tape:
        loss = sequence_loss(model(source), target)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    if step % 8 == 0:
        print("step %d perplexity %.2f" % (step, np.exp(float(loss))))
