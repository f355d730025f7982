import argparse
from typing import Callable, Tuple

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras.layers import Layer


class HeadLayer(Layer):
    recommended_activation: Callable

    def __init__(self, name=None):
        super().__init__(name=name)

    def call(self, inputs):
        lvalue, rvalue = inputs
        return self.get_output_for_metric(lvalue, rvalue)


class CosineLayer(HeadLayer):
    def get_output_for_metric(self, lvalue, rvalue):
        lvalue = tf.math.l2_normalize(lvalue, axis=-1)
        rvalue = tf.math.l2_normalize(rvalue, axis=-1)
        return tf.reduce_sum(lvalue * rvalue, axis=-1, keepdims=True)

    def loss_fn(self, pred_val, target_val):
        return tf.reduce_mean(tf.square(pred_val - target_val))


class EuclideanLayer(HeadLayer):
    margin = 3.0

    def get_output_for_metric(self, lvalue, rvalue):
        return tf.norm(lvalue - rvalue, axis=-1, keepdims=True)

    def loss_fn(self, pred_val, target_val):
        similar = tf.cast(target_val > 0, tf.float32)
        return tf.reduce_mean(similar * pred_val + (1.0 - similar) * tf.nn.relu(self.margin - pred_val))


HEADS = {"CosineLayer": CosineLayer, "EuclideanLayer": EuclideanLayer}


class KerasTuner:
    def __init__(self, base_model: keras.Model, head_layer: str):
        self.base_model = base_model
        self.head = HEADS[head_layer]()

    @property
    def wrapped_model(self) -> keras.Model:
        shape = self.base_model.input_shape[1:]
        lin, rin = keras.Input(shape), keras.Input(shape)
        return keras.Model([lin, rin], self.head([self.base_model(lin), self.base_model(rin)]))

    def fit(self, dataset, epochs: int):
        model = self.wrapped_model
        optimizer = keras.optimizers.RMSprop(0.001)
        for epoch in range(epochs):
            losses = []
            for (left, right), target in dataset:
                with tf.GradientTape() as tape:
                    loss = self.head.loss_fn(model([left, right], training=True), target)
                grads = tape.gradient(loss, model.trainable_weights)
                optimizer.apply_gradients(zip(grads, model.trainable_weights))
                losses.append(float(loss))
            print(f"epoch {epoch}: loss {np.mean(losses):.4f}")


def fashion_match(num_docs=60, num_neg=2, num_pos=2) -> Tuple:
    rs = np.random.RandomState(0)
    centers = rs.rand(5, 7, 7).astype("float32")
    labels = rs.randint(0, 5, num_docs)
    docs = (centers[labels] + 0.1 * rs.rand(num_docs, 7, 7)).astype("float32")
    left, right, target = [], [], []
    for k in range(num_docs):
        for j in rs.choice(np.where(labels == labels[k])[0], num_pos):
            left.append(docs[k]), right.append(docs[j]), target.append(1.0)
        for j in rs.choice(np.where(labels != labels[k])[0], num_neg):
            left.append(docs[k]), right.append(docs[j]), target.append(-1.0)
    return (np.stack(left), np.stack(right)), np.array(target, "float32")[:, None]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--head", default="EuclideanLayer", choices=sorted(HEADS))
    parser.add_argument("--epochs", type=int, default=3)
    args = parser.parse_args()
    keras.utils.set_random_seed(1)
    embed_model = keras.Sequential([keras.Input((7, 7)), keras.layers.Flatten(),
                                    keras.layers.Dense(32, activation="relu"), keras.layers.Dense(16, use_bias=False)])
    data = tf.data.Dataset.from_tensor_slices(fashion_match()).shuffle(240, seed=1).batch(24)
    KerasTuner(embed_model, args.head).fit(data, args.epochs)
