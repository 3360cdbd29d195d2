"""Use cases of provisioning: `launch`, `forecast`, `release` for people; `placing`, `deploying`, `proving`, `leaving`
for the workflows; `views` for pages."""
