"""Use cases of provisioning: `launch`, `forecast`, `release` for people; `placing`, `deploying`, `proving`, `teardown`
for the workflows; `views` for pages."""
