"""Who may ask what: hosts, logins, and requests that another page made."""
