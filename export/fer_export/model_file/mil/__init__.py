"""What stands inside a Core ML file: the messages of its format, and the program with its constants."""
