"""From a checkpoint to a folder for serving: CTranslate2 model, vocabularies, model card."""
