# How many staff hours should each department get? Continuous relaxation of the plan.
import tensorflow as tf

DEPARTMENTS = {"bakery": 30, "deli": 24, "checkout": 60, "stock": 46}
DEMAND = {"bakery": 26.0, "deli": 31.5, "checkout": 71.0, "stock": 38.0}
BUDGET = 160.0


def as_hours(plan):
    return tf.cast(plan, tf.float32)


def understaffing(plan):
    gap = tf.constant(list(DEMAND.values())) - as_hours(plan)
    return tf.reduce_sum(tf.where(gap > 0, 4.0 * gap ** 2, gap ** 2))


def overspend(plan):
    return 10.0 * tf.nn.relu(tf.reduce_sum(as_hours(plan)) - BUDGET)


class Planner:
    def __init__(self, start, learning_rate=0.02):
        self.plan = tf.Variable(list(start.values()), name="hours")
        self.optimizer = tf.compat.v1.train.GradientDescentOptimizer(learning_rate)

    def cost(self):
        return understaffing(self.plan) + overspend(self.plan)

    def run(self, steps):
        for k in range(steps):
            self.optimizer.minimize(self.cost, var_list=[self.plan])
            if k % 10 == 0:
                print(f"step {k:2d} cost {float(self.cost()):9.3f}")
        return dict(zip(DEPARTMENTS, self.plan.numpy().round(1)))


print(Planner(DEPARTMENTS).run(40))
