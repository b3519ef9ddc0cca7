"""The version, apart from the rest so that packaging reads it without importing torch."""

VERSION = "0.1.0"
