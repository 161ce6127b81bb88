"""The order of the pages. A page that is not named here stands at the end of its list."""

CONTENTS = {
    "First steps": ["install", "first_model", "from_transformers", "porting"],
    "Guides": [
        "models",
        "training",
        "own_trick",
        "generation",
        "tags",
        "similarity",
        "probing",
        "serving",
        "pretraining",
        "corpora",
        "distribution",
        "tokenizers",
        "checkpoints",
        "metrics",
        "subclassing",
    ],
    "Proof": ["techniques/index", "claims", "results", "parity", "families"],
    "Reference": ["reference", "api/index", "examples", "recipes"],
    "中文": ["index_zh", "install_zh", "first_model_zh", "porting_zh"],
    "Project": ["contributing", "changelog"],
}
TECHNIQUES = {
    "Models": [],
}
