"""The contract: what is said of each job to those who add it or read its results, and whether a change breaks it."""
