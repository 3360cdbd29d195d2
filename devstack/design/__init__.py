"""`/_design` of a development stack: the page that shows every component in every state."""
