"""The frozen experiment: protocol, random streams, digits, model, objective, metrics."""
