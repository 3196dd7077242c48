"""Encoders of texts in nine languages, as the bot uses them; `bot.encoder.training` learns them."""

from bot.encoder.model import Encoder, EncoderFileError, load_encoder

__all__ = ["Encoder", "EncoderFileError", "load_encoder"]
