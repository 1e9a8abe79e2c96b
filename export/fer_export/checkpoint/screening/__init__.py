"""What a stranger's network may not do: code in layers, ops of a SavedModel's graphs, loops, slots."""
