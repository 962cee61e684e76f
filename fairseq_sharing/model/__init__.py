"""The method: layer maps, layers that share parameters, and the model that stacks them."""
