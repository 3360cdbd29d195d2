"""Commands and views of the operator's console, one module for each part of it."""
