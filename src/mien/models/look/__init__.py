"""A second look at a face that was found: is it one, and where exactly are its five points?"""
