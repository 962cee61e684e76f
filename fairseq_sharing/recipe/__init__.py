"""The experiment pipeline: prepare, train, evaluate and compare, driven by one TOML file.

Every stage runs stock fairseq, SentencePiece and sacreBLEU; nothing here knows how layers share.
"""
