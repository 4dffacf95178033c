"""Read and write objects in stores: whatever fsspec opens, such as S3."""
