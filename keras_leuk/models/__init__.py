"""Floor 3: backbones, heads, weights, and the one flat graph made of them."""
