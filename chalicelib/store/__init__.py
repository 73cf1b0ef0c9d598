"""What is kept, written once over any Table. Rows: keys.py; why they are so: docs/adr/0001-rows.md."""
