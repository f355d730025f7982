"""The benchmarks: `python -m bench --help` from the root of the repository."""
