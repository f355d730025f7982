"""What other code uses as well is computed once more in the tape, if no more than computing happens then."""

from __future__ import annotations

from regrad.codemods import disconnected_target, forward_outside_tape
from regrad.tests.codemods.engine.programs import found, mended

GAME = """
import tensorflow as tf
from tensorflow import keras

class Game:
    def __init__(self):
        self.G = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        self.D = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        self.g, self.d = keras.optimizers.Adam(), keras.optimizers.Adam()
        self.count = 0

    def sample(self, n):
{extra}        return self.G(tf.random.normal([n, 3]))

    def judge(self, real, fake):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self.D(fake)) - tf.reduce_mean(self.D(real))
        self.d.apply_gradients(zip(tape.gradient(loss, self.D.trainable_variables), self.D.trainable_variables))

    def paint(self, fake):
        with tf.GradientTape() as tape:
            loss = -tf.reduce_mean(self.D(fake))
        grads = tape.gradient(loss, self.G.trainable_variables)
        self.g.apply_gradients(zip(grads, self.G.trainable_variables))

    def step(self, real):
        fake = self.sample(8)
        self.judge(real, fake)
{between}        self.paint(fake)
"""


def game(extra: str = "", between: str = "") -> str:
    return GAME.format(extra=extra, between=between)


def test_the_second_player_draws_its_own_samples() -> None:
    text = mended(forward_outside_tape.RULE, game())
    assert "def paint(self):\n        with tf.GradientTape() as tape:\n            fake = self.sample(8)\n" in text
    assert "self.paint()\n" in text and "self.judge(real, fake)" in text


def test_what_counts_cannot_run_once_more() -> None:
    assert mended(forward_outside_tape.RULE, game(extra="        self.count += 1\n")).startswith("withheld:")


def test_what_writes_a_file_cannot_run_once_more() -> None:
    text = game(extra="        open('log', 'a').write('sampled')\n")
    assert mended(forward_outside_tape.RULE, text).startswith("withheld:")


def test_a_network_that_is_put_in_its_place_in_between() -> None:
    text = game(between="        self.G = keras.models.clone_model(self.G)\n")
    assert not mended(forward_outside_tape.RULE, text).startswith("\nimport")


def test_the_call_says_what_the_loss_is_computed_from() -> None:
    assert not found(disconnected_target.RULE, game())


def test_a_function_that_nobody_calls_is_still_told() -> None:
    assert found(disconnected_target.RULE, game().replace("        self.paint(fake)\n", ""))


ROLLOUT = """
import tensorflow as tf

policy = tf.keras.Sequential([tf.keras.Input((4,)), tf.keras.layers.Dense(2)])
optimizer = tf.keras.optimizers.Adam()

def play(env):
    logps, rewards = [], []
    obs, done = env.reset(), False
    while not done:
        logp = tf.nn.log_softmax(policy(obs[None])[0])
        action = int(tf.argmax(logp))
        obs, reward, done = env.step(action)
        logps.append(logp[action])
        rewards.append(reward)
    return tf.stack(logps), rewards

def learn(logps, env):
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(logps)
    grads = tape.gradient(loss, policy.trainable_variables)
    optimizer.apply_gradients(zip(grads, policy.trainable_variables))

def main(env):
    for _ in range(3):
        logps, rewards = play(env)
        print(sum(rewards))
        learn(logps, env)
"""


def test_a_game_is_not_played_again() -> None:
    assert mended(forward_outside_tape.RULE, ROLLOUT).startswith("withheld: `play` does more than to compute it")
