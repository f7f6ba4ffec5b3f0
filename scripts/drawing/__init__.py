"""The picture of the house: docs/images/architecture.svg, from docs/images/architecture.toml."""
