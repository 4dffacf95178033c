"""Operations that degrade good photographs, for training and for ``restore degrade``.

Each maps a NumPy array of float32 RGB (H, W, 3) on 0..1 to another. All randomness comes from the generator that is
passed in.
"""
