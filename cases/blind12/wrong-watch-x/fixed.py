import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

# virtual adversarial training on word vectors
EPSILON = 1.0
ALPHA = 0.5
tf.random.set_seed(11)


class Classifier(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.lstm = layers.LSTM(units=24, name='LSTM_layer')
        self.dense = layers.Dense(units=4, name='Dense_layer')

    def call(self, v):
        return self.dense(self.lstm(v))


def compute_kld(p_logit, q_logit):
    p = tf.nn.softmax(p_logit)
    return tf.reduce_mean(tf.reduce_sum(p * (tf.nn.log_softmax(p_logit) - tf.nn.log_softmax(q_logit)), axis=1))


def virtual_adversarial_perturbation(model, v, p_logit):
    r = tf.random.uniform(shape=tf.shape(v), minval=0.001, maxval=0.005)
    v_r = tf.add(v, r)

    with tf.GradientTape() as tape:
        tape.watch(v_r)
        p_logit_r = model(v_r)
        kl = compute_kld(p_logit, p_logit_r)
    grad = tape.gradient(kl, v_r)

    return EPSILON * tf.math.l2_normalize(grad, axis=[1, 2])


def make_sequences(n=96, steps=7, dim=12):
    rs = np.random.RandomState(5)
    y = rs.randint(0, 4, n)
    v = rs.normal(size=(n, steps, dim)) * 0.5
    v[np.arange(n), :, y] += 1.0
    return tf.data.Dataset.from_tensor_slices((v.astype('float32'), y)).shuffle(n, seed=5).batch(32)


model = Classifier()
optimizer = tf.keras.optimizers.Adam(0.01)
ce = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)

for epoch in range(5):
    for v, y in make_sequences():
        p_logit = model(v)
        r_vadv = virtual_adversarial_perturbation(model, v, p_logit)
        with tf.GradientTape() as tape:
            loss_ce = ce(y, model(v))
            loss_vat = compute_kld(p_logit, model(v + r_vadv))
            loss = loss_ce + ALPHA * loss_vat
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables))
    print('epoch', epoch, 'ce %.4f vat %.4f' % (float(loss_ce), float(loss_vat)))
