"""A file format that exists in the tests only: a mark, a contract, and the network as Keras stores it."""
