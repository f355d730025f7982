"""SimCLR: contrastive pre-training, then a linear probe on the frozen encoder, then fine-tuning of everything."""
import numpy as np
import tensorflow as tf
from tensorflow.keras import Model, layers, losses, optimizers

SIZE, DIM = 16, 24


def get_encoder():
    inp = layers.Input((SIZE, SIZE, 1))
    x = inp
    for w in (8, 16):
        x = layers.Conv2D(w, 3, strides=2, padding='same')(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
    return Model(inp, layers.GlobalAveragePooling2D()(x), name='base_model')


def get_projection(base):
    inp = layers.Input((SIZE, SIZE, 1))
    h = layers.Dense(DIM, activation='relu')(base(inp))
    return Model(inp, layers.Dense(DIM)(h))


def augment(img):
    img = tf.image.random_flip_left_right(img)
    img = tf.roll(img, tf.random.uniform((), -2, 3, tf.int32), axis=2)
    return img * tf.random.uniform((tf.shape(img)[0], 1, 1, 1), 0.7, 1.3)


def nt_xent(zi, zj, tau=0.3):
    z = tf.math.l2_normalize(tf.concat([zi, zj], 0), axis=1)
    n = tf.shape(zi)[0]
    sim = tf.matmul(z, z, transpose_b=True) / tau - 1e9 * tf.eye(2 * n)
    partner = tf.concat([tf.range(n, 2 * n), tf.range(n)], 0)
    return tf.reduce_mean(losses.sparse_categorical_crossentropy(partner, sim, from_logits=True))


@tf.function
def simclr_step(batch, model, optimizer):
    xi, xj = augment(batch), augment(batch)
    with tf.GradientTape() as tape:
        loss = nt_xent(model(xi, training=True), model(xj, training=True))
    grads = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(grads, model.trainable_variables))
    return loss


def get_linear_model(base_model, trainable):
    base_model.trainable = trainable
    inputs = layers.Input((SIZE, SIZE, 1))
    # keep the moving statistics of the pre-training in both phases
    features = base_model(inputs, training=False)
    linear_model = Model(inputs, layers.Dense(3, activation='softmax')(features))
    linear_model.compile(loss='sparse_categorical_crossentropy', metrics=['accuracy'],
                         optimizer=optimizers.Adam(1e-3 if trainable else 2e-2))
    return linear_model


def shapes(n, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(3, size=n)
    x = 0.1 * rng.random((n, SIZE, SIZE, 1))
    for i, k in enumerate(y):
        c = rng.integers(4, 12)
        if k == 0:
            x[i, c - 1:c + 2] += .8
        elif k == 1:
            x[i, :, c - 1:c + 2] += .8
        else:
            x[i, c - 3:c + 3, c - 3:c + 3] += .8
    return x.astype('float32'), y


tf.keras.utils.set_random_seed(40)
x, y = shapes(320, 0)
base_model = get_encoder()
model = get_projection(base_model)
optimizer = optimizers.SGD(0.1, momentum=0.9)
for epoch in range(4):
    epoch_loss = [simclr_step(b, model, optimizer).numpy()
                  for b in tf.data.Dataset.from_tensor_slices(x).shuffle(320).batch(64)]
    print('epoch: {} loss: {:.3f}'.format(epoch + 1, np.mean(epoch_loss)))

for trainable in (False, True):
    probe = get_linear_model(base_model, trainable)
    before = base_model.get_weights()[0].copy()
    h = probe.fit(x, y, batch_size=32, epochs=4, verbose=0)
    print('fine-tuned' if trainable else 'linear probe', np.round(h.history['loss'], 3),
          'encoder moved', bool(np.any(before != base_model.get_weights()[0])))
