"""The HTTP door: a streaming reverse proxy for Jupyter, TensorBoard and interactive ports."""
