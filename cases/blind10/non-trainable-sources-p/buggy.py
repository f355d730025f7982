# Inverse problem: thermal diffusivity of a layered wall from two thermocouples.
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from keras import optimizers


@dataclass(frozen=True)
class Grid:
    cells: int = 15
    steps: int = 40
    dx: float = 1.0
    dt: float = 0.2


def quantity(name, value, fixed=True):
    """Every physical quantity of the model is a float32 variable with a readable name."""
    return tf.Variable(value, trainable=not fixed, name=name, dtype=tf.float32)


class Wall:
    def __init__(self, grid, layers=3):
        self.grid, self.layers = grid, layers
        self.ambient = quantity("ambient", 20.0)
        self.heater = quantity("heater", 80.0)
        self.diffusivity = [quantity(f"alpha_{i}", 0.5) for i in range(layers)]

    def profile(self):
        per_layer = self.grid.cells // self.layers
        return tf.concat([tf.fill([per_layer], a) for a in self.diffusivity], axis=0)

    def simulate(self, sensors=(4, 9)):
        g, alpha = self.grid, self.profile()
        temp = tf.fill([g.cells], 1.0) * self.ambient
        readings = []
        for _ in range(g.steps):
            padded = tf.concat([[self.heater], temp, [self.ambient]], axis=0)
            lap = (padded[2:] - 2.0 * padded[1:-1] + padded[:-2]) / g.dx ** 2
            temp = temp + g.dt * alpha * lap
            readings.append(tf.gather(temp, sensors))
        return tf.stack(readings)


def measurement(grid):
    truth = Wall(grid)
    for a, v in zip(truth.diffusivity, (1.4, 0.3, 0.9)):
        a.assign(v)
    noise = np.random.RandomState(0).normal(0, 0.05, (grid.steps, 2))
    return truth.simulate() + tf.constant(noise, tf.float32)


def identify(wall, measured, iterations, lr):
    opt = optimizers.Adam(lr)
    unknown = wall.diffusivity
    for it in range(iterations):
        with tf.GradientTape() as tape:
            err = wall.simulate() - measured
            cost = tf.reduce_mean(tf.square(err))
        opt.apply_gradients(zip(tape.gradient(cost, unknown), unknown))
        for a in unknown:
            a.assign(tf.clip_by_value(a, 0.01, 2.4))  # explicit scheme is stable below 2.5
        if it % 15 == 0:
            print(f"{it:3d} cost {float(cost):8.4f}  alpha", [round(float(a), 3) for a in unknown])
    return cost


if __name__ == "__main__":
    grid = Grid()
    identify(Wall(grid), measurement(grid), iterations=46, lr=0.04)
