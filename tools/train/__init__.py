"""Training, quantisation and evaluation of the networks. Never imported by dms/."""
