import keras
import numpy as np

from distiller import Distiller
from networks import student_net, teacher_net
from traffic import flows

keras.utils.set_random_seed(71)
x, y = flows(700)
train, test = slice(0, 560), slice(560, None)

teacher = teacher_net(x.shape[1])
teacher.compile(optimizer=keras.optimizers.Adam(3e-3),
                loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
teacher.fit(x[train], y[train], epochs=5, batch_size=35, verbose=0)
print("teacher", [round(v, 3) for v in teacher.evaluate(x[test], y[test], verbose=0)])

small = Distiller(student=student_net(x.shape[1]), teacher=teacher, temperature=3.0, alpha=0.3)
small.compile(optimizer=keras.optimizers.Adam(1e-2))
log = small.fit(x[train], y[train], epochs=5, batch_size=35, verbose=0)
for name in ("hard", "soft"):
    print(name, [round(float(v), 3) for v in log.history[name]])
guess = np.argmax(small.student.predict(x[test], verbose=0), axis=1)
print("student accuracy %.3f" % (guess == y[test]).mean())
