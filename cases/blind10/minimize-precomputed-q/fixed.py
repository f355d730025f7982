# Long-only portfolio, mean-variance with turnover cost. Ported from a TF1 script.
import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1

ASSETS = ["bund", "gold", "dax", "spx", "em"]
SETTINGS = {"risk_aversion": 6.0, "turnover_cost": 0.02, "lr": 0.1, "rounds": 150}


def sample_returns(days=500):
    rng = np.random.RandomState(12)
    mu = np.array([0.01, 0.03, 0.06, 0.08, 0.09]) / 252
    vol = np.array([0.04, 0.14, 0.18, 0.16, 0.24]) / np.sqrt(252)
    market = rng.randn(days, 1)
    load = np.array([-0.1, 0.0, 0.8, 0.8, 0.7])
    return (mu + vol * (load * market + np.sqrt(1 - load ** 2) * rng.randn(days, 5))).astype("float32")


def moments(returns):
    mean = tf.reduce_mean(returns, axis=0) * 252
    centred = returns - tf.reduce_mean(returns, axis=0)
    cov = tf.matmul(centred, centred, transpose_a=True) / float(len(returns)) * 252
    return mean, cov


class Portfolio(tf.Module):
    def __init__(self, n):
        super().__init__(name="portfolio")
        self.scores = tf.Variable(tf.zeros([n]), name="scores")

    def weights(self):
        return tf.nn.softmax(self.scores)


def objective(book, mean, cov, held):
    w = book.weights()
    gain = tf.tensordot(w, mean, 1)
    risk = tf.tensordot(w, tf.linalg.matvec(cov, w), 1)
    turnover = tf.reduce_sum(tf.abs(w - held))
    return SETTINGS["risk_aversion"] * risk - gain + SETTINGS["turnover_cost"] * turnover


def rebalance(book, returns, held):
    mean, cov = moments(tf.constant(returns))
    solver = tf1.train.AdamOptimizer(SETTINGS["lr"])

    def cost():
        return objective(book, mean, cov, held)

    for r in range(SETTINGS["rounds"]):
        solver.minimize(cost, var_list=list(book.trainable_variables))
        if r % 50 == 0:
            print(r, "objective %.5f" % float(cost()))
    return book.weights().numpy()


if __name__ == "__main__":
    tf1.set_random_seed(0)
    book = Portfolio(len(ASSETS))
    held = tf.constant([0.3, 0.1, 0.2, 0.3, 0.1])
    final = rebalance(book, sample_returns(), held)
    print({a: round(float(w), 3) for a, w in zip(ASSETS, final)})
