"""Result objects as console text and HTML. Every figure comes from a result; only units are computed."""
