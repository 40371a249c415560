"""Everything that is written to disk and read back: runs, the store, committed entries."""
