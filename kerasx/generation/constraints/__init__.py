"""Restrict what is generated: one file a constraint, all exported by kerasx.generation."""
