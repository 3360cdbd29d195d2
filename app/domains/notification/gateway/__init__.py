"""The doors to the outside: a mail server and the receivers of webhooks."""
