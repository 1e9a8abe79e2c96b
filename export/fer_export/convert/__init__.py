"""One module a format; each has `convert(checkpoint, variant, ...)` with the same signature."""
