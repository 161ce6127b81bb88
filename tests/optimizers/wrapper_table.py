"""Rows of the contract table for the class factories of wrappers.py and for LoRA+."""

ROWS = []
