"""Choose the next tokens: one file a strategy, all of them exported by kerasx.generation."""
