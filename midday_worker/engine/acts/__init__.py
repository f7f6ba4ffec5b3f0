"""Acts on jobs that exist: retry, promote, remove, cancel."""
