"""The whole experiment in plain PyTorch: read this first; the tests use it as the oracle."""
