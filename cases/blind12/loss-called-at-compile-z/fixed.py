# timing offset (TOE) and frequency offset (FOE) of an OFDM frame, CNN + LSTM with attention
import numpy as np
import keras
from keras import layers, ops

keras.utils.set_random_seed(2)
rng = np.random.default_rng(2)

N_SC = 32       # sub carriers
N_FRAMES = 160


def make_frames():
    t = np.arange(N_SC)
    toe = rng.uniform(0, 6, size=N_FRAMES)
    foe = rng.uniform(-0.5, 0.5, size=N_FRAMES)
    phase = 2 * np.pi * (t[None, :] - toe[:, None]) / 16 + foe[:, None] * t[None, :] / 4
    frame = np.stack([np.cos(phase), np.sin(phase)], axis=-1)
    frame += 0.05 * rng.normal(size=frame.shape)
    pilots = np.roll(frame, 4, axis=1)
    y = np.stack([toe / 6, foe], axis=-1)
    return frame.astype("float32"), pilots.astype("float32"), y.astype("float32")


def custom_loss(y_true, y_pred):
    """the timing error counts more than the frequency error"""
    toe_true, foe_true = y_true[:, 0], y_true[:, 1]
    toe_pred, foe_pred = y_pred[:, 0], y_pred[:, 1]
    toe_loss = ops.mean(ops.square(toe_true - toe_pred))
    foe_loss = ops.mean(ops.square(foe_true - foe_pred))
    return 2.0 * toe_loss + foe_loss


def toe_foe_est_cnn_lstm_att():
    in1 = keras.Input((N_SC, 2), name="frame")
    x1 = layers.Conv1D(16, 5, activation="relu", padding="same")(in1)
    x1 = layers.MaxPooling1D(2)(x1)
    x1 = layers.Conv1D(16, 3, activation="relu", padding="same")(x1)
    model_1 = keras.Model(in1, x1, name="cnn")

    in2 = keras.Input((N_SC, 2), name="pilots")
    x2 = layers.AveragePooling1D(2)(in2)
    x2 = layers.LSTM(16, return_sequences=True)(x2)
    model_2 = keras.Model(in2, x2, name="lstm")

    a1 = layers.Attention()([model_2.output, model_1.output])
    a2 = layers.Concatenate()([model_1.output, a1])
    a2 = layers.Flatten()(a2)
    a2 = layers.Dense(32, activation="relu")(a2)
    a3 = layers.Dense(2, name="offsets")(a2)

    model = keras.Model(inputs=[model_1.input, model_2.input], outputs=[a3])
    model.compile(optimizer="adam", loss=custom_loss, metrics=["mse"])
    return model


frame, pilots, y = make_frames()
model1 = toe_foe_est_cnn_lstm_att()
print("parameters:", model1.count_params())
hist = model1.fit([frame, pilots], y, epochs=4, batch_size=16, verbose=0)
print(hist.history["loss"])
