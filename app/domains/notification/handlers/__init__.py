"""Pages, API and live socket of notification."""
