"""Wire shapes of billing: answers of the JSON API and one struct per page."""
