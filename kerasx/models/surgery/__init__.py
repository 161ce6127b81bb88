"""Change a trained model: wider, deeper, low-rank adaptation, replaced layers."""
