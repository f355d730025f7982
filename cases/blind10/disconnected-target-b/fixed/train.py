"""python train.py -- physics informed network for a travelling wave."""
import numpy as np
import tensorflow as tf

from flow.network import make_field
from flow.physics import AdvectionProblem
from flow.solver import Solver

CFG = dict(width=16, depth=2, speed=0.5, ic_weight=5.0, lr=1e-2, steps=200, points=64)


def relative_error(net, cfg):
    x = tf.linspace(-1.0, 1.0, 101)[:, None]
    t = 0.2 * tf.ones_like(x)
    exact = np.sin(np.pi * (x.numpy() - cfg["speed"] * 0.2))
    return float(np.linalg.norm(net(x, t).numpy() - exact) / np.linalg.norm(exact))


if __name__ == "__main__":
    tf.random.set_seed(0)
    net = make_field(width=CFG["width"], depth=CFG["depth"])
    problem = AdvectionProblem(net, CFG)
    solver = Solver(net, problem, CFG["lr"])
    for it in range(CFG["steps"]):
        loss = solver.step(CFG["points"])
        if it % 50 == 0:
            print(it, "loss", float(loss), "rel. error", relative_error(net, CFG))
    print("final rel. error", relative_error(net, CFG))
