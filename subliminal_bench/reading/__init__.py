"""Reading: how much of a trait a model's weights hold, found without its class head."""
