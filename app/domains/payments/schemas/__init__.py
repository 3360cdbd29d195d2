"""Wire shapes of payments: bodies and answers of the JSON API, forms, and one struct per page."""
