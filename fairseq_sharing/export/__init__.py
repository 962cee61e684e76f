"""From a checkpoint to a folder that serves: CTranslate2 model, vocabularies, model card."""
