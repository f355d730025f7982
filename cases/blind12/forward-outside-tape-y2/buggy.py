import numpy as np
import tensorflow as tf

units, embedding_dim, vocab, BATCH_SIZE = 16, 8, 20, 8


class Encoder(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.embedding = tf.keras.layers.Embedding(vocab, embedding_dim)
        self.gru = tf.keras.layers.GRU(units, return_sequences=True, return_state=True)

    def call(self, x):
        return self.gru(self.embedding(x))


class BahdanauAttention(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.W1 = tf.keras.layers.Dense(units)
        self.W2 = tf.keras.layers.Dense(units)
        self.V = tf.keras.layers.Dense(1, use_bias=False)

    def call(self, query, values):
        score = self.V(tf.nn.tanh(self.W1(values) + self.W2(tf.expand_dims(query, 1))))
        weights = tf.nn.softmax(score, axis=1)
        return tf.reduce_sum(weights * values, axis=1)


class Decoder(tf.keras.Model):
    def __init__(self, name):
        super().__init__(name=name)
        self.embedding = tf.keras.layers.Embedding(vocab, embedding_dim)
        self.attention = BahdanauAttention()
        self.gru = tf.keras.layers.GRU(units, return_state=True)
        self.fc = tf.keras.layers.Dense(vocab)

    def call(self, x, hidden, enc_output):
        context = self.attention(hidden, enc_output)
        x = tf.concat([tf.expand_dims(context, 1), self.embedding(x)], axis=-1)
        output, state = self.gru(x, initial_state=hidden)
        return self.fc(output), state


encoder = Encoder()
decoder_a, decoder_b, decoder_c = Decoder("decoder_a"), Decoder("decoder_b"), Decoder("decoder_c")
decoders = [decoder_a, decoder_b, decoder_c]
optimizer = tf.keras.optimizers.Adam()
loss_object = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")


def loss_function(real, pred):
    mask = tf.cast(tf.not_equal(real, 0), tf.float32)
    return tf.reduce_mean(loss_object(real, pred) * mask)


def run_decoder(decoder, targ, enc_output, enc_hidden):
    hidden, predictions = enc_hidden, []
    dec_input = tf.expand_dims(tf.ones([BATCH_SIZE], tf.int32), 1)
    for t in range(1, targ.shape[1]):
        pred, hidden = decoder(dec_input, hidden, enc_output)
        predictions.append(pred)
        dec_input = tf.expand_dims(targ[:, t], 1)  # teacher forcing
    return predictions


@tf.function
def train_step(inp, targets):
    enc_output, enc_hidden = encoder(inp)
    all_predictions = [run_decoder(d, targ, enc_output, enc_hidden) for d, targ in zip(decoders, targets)]
    loss = 0.0
    with tf.GradientTape() as tape:
        for predictions, targ in zip(all_predictions, targets):
            for t, pred in enumerate(predictions):
                loss += loss_function(targ[:, t + 1], pred)
    batch_loss = loss / float(targets[0].shape[1])
    variables = encoder.trainable_variables
    for d in decoders:
        variables = variables + d.trainable_variables
    gradients = tape.gradient(loss, variables)
    optimizer.apply_gradients(zip(gradients, variables))
    return batch_loss


rs = np.random.RandomState(1)
inp = rs.randint(1, vocab, (32, 4)).astype("int32")
targ_a, targ_b, targ_c = inp[:, ::-1].copy(), inp.copy(), (vocab - inp).astype("int32")
dataset = tf.data.Dataset.from_tensor_slices((inp, targ_a, targ_b, targ_c)).batch(BATCH_SIZE)

for epoch in range(2):
    total_loss = 0
    for inp_batch, a, b, c in dataset:
        total_loss += train_step(inp_batch, (a, b, c))
    print("Epoch {} Loss {:.4f}".format(epoch + 1, float(total_loss) / 4))
