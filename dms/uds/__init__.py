"""Diagnostics: UDS (ISO 14229-1) over ISO-TP (ISO 15765-2), with a fault memory."""
