"""The product: boards of numbered slots, and what people send to fill them."""
