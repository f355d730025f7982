"""Generator of a universal perturbation against a speaker classifier (raw audio, frozen)."""
import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

tf.keras.utils.set_random_seed(13)

WAV_LEN = 128
NUM_SPEAKERS = 3


def load_wavs(n):
    t = np.arange(WAV_LEN) / WAV_LEN
    speaker = np.random.randint(0, NUM_SPEAKERS, size=n)
    pitch = 6 + 5 * speaker[:, None] + np.random.uniform(-1, 1, size=(n, 1))
    wav = 0.5 * np.sin(2 * np.pi * pitch * t + np.random.uniform(0, 6, size=(n, 1)))
    wav += 0.05 * np.random.normal(size=wav.shape)
    return wav[..., None].astype("float32"), speaker


def build_speaker_model():
    return tf.keras.Sequential([
        tf.keras.Input((WAV_LEN, 1)),
        layers.Conv1D(16, 9, strides=2, activation="relu"),
        layers.Conv1D(16, 5, strides=2, activation="relu"),
        layers.GlobalAveragePooling1D(),
        layers.Dense(NUM_SPEAKERS),
    ], name="speaker_model")


class GeneratorBlock(layers.Layer):
    def __init__(self, filters, upsample=2, **kwargs):
        super().__init__(**kwargs)
        self.up = layers.UpSampling1D(upsample)
        self.conv = layers.Conv1D(filters, 5, padding="same")
        self.act = layers.LeakyReLU(0.2)

    def call(self, x):
        return self.act(self.conv(self.up(x)))


class Generator(tf.keras.Model):
    """noise vector -> perturbation; starts with no perturbation at all"""

    def __init__(self, epsilon):
        super().__init__()
        self.epsilon = epsilon
        self.fc = layers.Dense(16 * 8)
        self.reshape = layers.Reshape((16, 8))
        self.blocks = [GeneratorBlock(16), GeneratorBlock(16), GeneratorBlock(8)]
        self.last_conv = layers.Conv1D(1, 5, padding="same", kernel_initializer="zeros", use_bias=False)

    def call(self, noise):
        x = self.reshape(self.fc(noise))
        for block in self.blocks:
            x = block(x)
        return self.epsilon * tf.tanh(self.last_conv(x))


wavs, speakers = load_wavs(192)
speaker_model = build_speaker_model()
speaker_model.compile(tf.keras.optimizers.Adam(0.01), tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
speaker_model.fit(wavs, speakers, epochs=10, verbose=0)
speaker_model.trainable = False

generator = Generator(epsilon=0.3)
optimizer = tf.keras.optimizers.Adam(6e-4)
noise = tf.random.normal((1, 12))


def accuracy(x):
    return float(np.mean(np.argmax(speaker_model.predict(x, verbose=0), -1) == speakers))


def train_step(wav, speaker):
    with tf.GradientTape() as tape:
        perturbation = generator(noise)
        adv = tf.clip_by_value(wav + perturbation, -1.0, 1.0)
        logits = speaker_model(adv, training=False)
        # untargeted: the true speaker shall not win by more than a margin
        true_logit = tf.gather(logits, speaker, batch_dims=1)
        other = tf.reduce_max(logits - 1e4 * tf.one_hot(speaker, NUM_SPEAKERS), axis=-1)
        fool_loss = tf.reduce_mean(tf.nn.softplus(true_logit - other))
        norm_loss = tf.reduce_mean(tf.square(perturbation))
        loss = fool_loss + 0.1 * norm_loss
    grads = tape.gradient(loss, generator.trainable_variables)
    optimizer.apply_gradients(zip(grads, generator.trainable_variables))
    return loss, float(tf.linalg.global_norm(grads))


print("accuracy without perturbation", accuracy(wavs))
for epoch in range(8):
    for i in range(0, len(wavs), 48):
        loss, grad_norm = train_step(tf.constant(wavs[i:i + 48]), tf.constant(speakers[i:i + 48]))
    print("epoch %d loss %.4f |grad| %.4f" % (epoch, float(loss), grad_norm))
print("accuracy with perturbation", accuracy(np.clip(wavs + generator(noise).numpy(), -1, 1)))
