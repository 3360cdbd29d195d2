"""Use cases of the inventory, one module for each subject."""
