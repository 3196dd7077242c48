"""Learning the encoders: aligns article trees, collects phrases, trains word vectors, measures them; never served."""
