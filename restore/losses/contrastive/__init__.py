"""Contrastive losses: pull the output's features toward the positives, push them from the negatives.

Three independent choices, combined by a regularizer:

1. ``samples``: which pictures are positive and which negative. ``queue`` and ``hard_mixing`` add negatives as
   embeddings.
2. the encoder, which computes the compared features: any module from (N, 3, H, W) RGB on 0..1 to a list of feature
   maps, its taps.
3. ``objectives``: how the comparison becomes a loss.

``image`` compares whole pictures, position by position (PCL-SR, AECR-Net); ``patch_nce`` compares positions with one
another (PatchNCE); ``style_nce`` compares styles (CIFR). Each file also holds the recipe options of its loss.

The rule of this package: the gradient reaches only the output. Targets, negatives and keys are constants,
and a frozen encoder does not change.
"""
