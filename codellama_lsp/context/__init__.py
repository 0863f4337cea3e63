"""What the model gets to read: documents and the windows around a cursor."""
