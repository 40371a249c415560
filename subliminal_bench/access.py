"""Access levels: what a mitigation may see.

`blind` is what a distiller really has: teacher logits on the noise, the base model.
`trait-gradient` is an oracle that may ask for the gradient of the trait loss.
"""

from typing import Literal

Access = Literal["blind", "trait-gradient"]
# From the least to the most; a composition has the highest of its members.
ACCESS_LEVELS: tuple[Access, ...] = ("blind", "trait-gradient")

# What is left of the network to a mitigation in a process of its own.
Network = Literal["none", "shared"]
