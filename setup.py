from setuptools import find_packages, setup

EXTRAS = {
    "tensorflow": ["tensorflow>=2.18"],
    "jax": ["jax>=0.6"],
    "torch": ["torch>=2.6"],
    "fast": ["rjieba>=0.2"],
    "text": ["sentencepiece>=0.2.3", "tokenizers>=0.21", "jinja2>=3.1"],
    "analysis": ["scipy>=1.11", "matplotlib>=3.8", "tensorboardX>=2.6"],
    "metrics": ["sacrebleu>=2.4"],
    "serve": ["fastapi>=0.110", "uvicorn>=0.29"],
    "docs": ["sphinx>=8", "myst-parser>=4", "furo>=2024.8"],
    "test": [
        "pytest>=8",
        "pytest-xdist>=3.6",
        "hypothesis>=6.100",
        "ruff>=0.6",
        "transformers>=5",
        "torch>=2.6",
        "openai>=1.40",
        "onnx>=1.17",
        "onnxscript>=0.5",
        "onnxruntime>=1.20",
        "scikit-learn>=1.5",
    ],
}

setup(
    name="kerasx",
    version="0.1.0",
    description="bert4keras on Keras 3: Chinese NLP on TensorFlow, JAX and PyTorch alike",
    long_description=open("README.md", encoding="utf-8").read(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["kerasx", "kerasx.*"]),
    package_data={"kerasx.serve": ["chat.html"]},
    install_requires=[
        # the upper bound rises when tests/backend/test_keras_internals.py passes with the version
        "keras>=3.15.1,<3.16",
        "numpy>=1.26",
        "jieba>=0.42.1",
        "safetensors>=0.8",
        "google-crc32c>=1.5",
        "h5py>=3.11",
        "ml_dtypes>=0.4",
    ],
    extras_require=EXTRAS,
)
