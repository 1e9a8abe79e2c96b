"""Result objects as console text and HTML. Every figure comes from a result; nothing is computed but units."""
