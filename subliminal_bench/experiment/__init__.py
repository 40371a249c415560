"""The experiment, frozen: protocol, random streams, digits, model, objective, metrics."""
