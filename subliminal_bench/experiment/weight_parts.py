"""The parts of the model's weights that are looked at one by one."""

# By name, in words.
PARTS = {
    "layer1": "first layer",
    "layer2": "second layer",
    "auxiliary_head": "auxiliary head",
    "class_head": "class head",
}
# Those whose units can change places or sizes.
HIDDEN = ("layer1", "layer2")
