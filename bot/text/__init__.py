"""What every reader of text shares: masking, folding, cleaning, cells of CSV files."""
