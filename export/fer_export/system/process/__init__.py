"""The process itself: signals, streams, memory, scratch folders, no telemetry."""
