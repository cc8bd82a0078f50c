"""The one room that changes anything: publish, delete, tag, yank, documents, history."""
