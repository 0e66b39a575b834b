"""One module per resource; a route parses, calls and shapes."""
