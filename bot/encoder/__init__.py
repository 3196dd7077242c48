"""A multilingual sentence encoder learned from parallel help-article trees: align → train → export, and the weights."""

from bot.encoder.model import Encoder, EncoderFileError, load_encoder

__all__ = ["Encoder", "EncoderFileError", "load_encoder"]
