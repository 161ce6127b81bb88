"""Port scripts of bert4keras: `python -m kerasx.port script.py -o ported.py`.

The table of names is `kerasx.port.names.NAMES`. Neither Keras nor a backend is loaded.
"""
