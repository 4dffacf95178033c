"""Published networks that spandrel does not know, under the names that their weights have.

They take and return RGB on 0..1, whatever range the weights were trained on.
"""
