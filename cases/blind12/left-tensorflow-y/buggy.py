import numpy as np
import tensorflow as tf

max_len, vocab_size, num_predicates, hidden = 12, 40, 3, 16
tf.random.set_seed(11)


class TinyBert(tf.keras.layers.Layer):
    def __init__(self):
        super().__init__()
        self.tok = tf.keras.layers.Embedding(vocab_size, hidden)
        self.att = tf.keras.layers.MultiHeadAttention(2, 8, use_bias=False)
        self.norm = tf.keras.layers.LayerNormalization()

    def call(self, ids):
        h = self.tok(ids)
        return self.norm(h + self.att(h, h))


def build_models():
    ids = tf.keras.Input((max_len,), dtype="int32")
    states = TinyBert()(ids)
    subject = tf.keras.layers.Dense(2, activation="sigmoid")(states)
    subject_model = tf.keras.Model(ids, [subject, states])

    h = tf.keras.Input((max_len, hidden))
    span = tf.keras.Input((hidden,))
    x = tf.keras.layers.LayerNormalization()(h + span[:, None, :])
    out = tf.keras.layers.Dense(num_predicates * 2, activation="sigmoid")(x)
    out = tf.keras.layers.Reshape((max_len, num_predicates, 2))(out)
    object_model = tf.keras.Model([h, span], out)
    return subject_model, object_model


def loss4model(t, p, l, obj=False):
    """t: labels, p: probabilities, l: number of tokens of each text. Only the text counts, not the padding."""
    if obj:
        loss_value = tf.keras.losses.binary_crossentropy(y_true=t, y_pred=p)
        loss_value = tf.reduce_mean(loss_value, axis=2)
    else:
        loss_value = tf.keras.losses.binary_crossentropy(y_true=t, y_pred=p)

    text_loss = np.array(loss_value)
    for i, length in enumerate(l):
        text_loss[i, length:] = 0.0
    loss_value = tf.convert_to_tensor(text_loss)
    return tf.reduce_sum(loss_value) / tf.cast(tf.reduce_sum(l), tf.float32)


def make_batch(rs, n=8):
    lengths = rs.randint(5, max_len + 1, n)
    ids = np.zeros((n, max_len), "int32")
    subject_labels = np.zeros((n, max_len, 2), "float32")
    object_labels = np.zeros((n, max_len, num_predicates, 2), "float32")
    for i, m in enumerate(lengths):
        ids[i, :m] = rs.randint(1, vocab_size, m)
        s, o, p = rs.randint(0, m), rs.randint(0, m), rs.randint(0, num_predicates)
        subject_labels[i, s] = 1
        object_labels[i, o, p] = 1
    return ids, subject_labels, object_labels, lengths


subject_model, object_model = build_models()
optimizer = tf.keras.optimizers.Adam(1e-3)
rs = np.random.RandomState(0)
batches = [make_batch(rs) for _ in range(4)]

for epoch in range(2):
    for ids, s_labels, o_labels, lengths in batches:
        with tf.GradientTape() as tape:
            s_pred, states = subject_model(ids, training=True)
            span = tf.reduce_sum(states * s_labels[:, :, :1], axis=1)
            o_pred = object_model([states, span], training=True)
            loss = loss4model(s_labels, s_pred, lengths) + loss4model(o_labels, o_pred, lengths, obj=True)
        variables = subject_model.trainable_variables + object_model.trainable_variables
        grads = tape.gradient(loss, variables)
        optimizer.apply_gradients(zip(grads, variables))
    print("epoch", epoch, "loss", float(loss))
