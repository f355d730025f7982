"""The loop for one program: find, rewrite, prove, keep or withdraw."""
