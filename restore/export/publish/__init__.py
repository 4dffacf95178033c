"""Make a folder of a trained model, in the layout of the Hugging Face Hub, for others to use."""
