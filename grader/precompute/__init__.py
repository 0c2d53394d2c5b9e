"""The programs that make what is shipped; nobody imports them."""
