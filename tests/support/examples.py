"""How many examples a property is tried on."""

from hypothesis import settings

modest = settings(max_examples=40, deadline=None)
many = settings(max_examples=100, deadline=None)
