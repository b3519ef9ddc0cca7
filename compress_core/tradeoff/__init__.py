"""What compression costs and keeps: tables of many recipes."""
