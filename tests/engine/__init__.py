"""The product on a real engine, as its users call it."""
