"""What `midday-worker demo` shows: real input through the whole system, from Python and from Node."""
