"""Operations that make good photographs bad, for training and for looking at.

Each takes and gives float32 RGB (H, W, 3) on 0..1 as a numpy array, and whatever is random comes out of the generator
that is passed in.
"""
