"""Feature extractors: pictures in, feature maps out."""
