"""Forms, JSON bodies and responses, and page structs of notification."""
