from types import SimpleNamespace

CFG = SimpleNamespace(width=12, hidden=24, experts=3, days=120, batch=24, steps=81, lr=5e-3, seed=4)
