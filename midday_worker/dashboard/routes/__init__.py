"""The answers to requests, by noun."""
