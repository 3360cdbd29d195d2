"""Every SQL statement of notification, one module per thing."""
