import tensorflow as tf


class Fitting:
    def __init__(self, model, learning_rate):
        self.model = model
        self.optimizer = tf.keras.optimizers.Adam(learning_rate)
        self.cross_entropy = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def step(self, history, item):
        with tf.GradientTape() as tape:
            loss = self.cross_entropy(item, self.model(history, training=True))
        params = self.model.trainable_variables
        grads = tape.gradient(loss, params)
        self.optimizer.apply_gradients(zip(grads, params))
        return loss

    def hit_rate(self, history, item, k=5):
        top = tf.math.top_k(self.model(history), k).indices
        return tf.reduce_mean(tf.cast(tf.reduce_any(top == item[:, None], axis=1), tf.float32))
