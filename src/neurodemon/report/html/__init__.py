"""A run as one HTML page that anyone can read: no network, no library, figures drawn by itself."""
